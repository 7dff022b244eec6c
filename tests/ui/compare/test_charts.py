import json
import math
from dataclasses import replace

import pytest
from drawing_charts import assert_drawable

from tl_core.config import make_run_config
from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, Run, RunState, TestResult
from tl_ui.compare.charts import accuracy_curves, cost_chart, loss_curves, weights_chart

EVIL = "<a href='javascript:1'>%{x}</a>"


def points(n):
    return [
        MetricPoint(i, i + 1, i + 1, "val", name, value, 10)
        for i in range(n)
        for name, value in (
            ("accuracy", math.nan if i > 1 else 0.5),
            ("loss", math.nan if i else 0.4),
        )
    ]


def a_run(place, *, tested=True):
    result = TestResult(40, 0.5, 0.8, 0.8, 0.8, 0.8, 0.3) if tested else None
    facts = RunFacts(
        trainable_parameters=1000 * (place + 1),
        processor_seconds={"training": 9.0 + place},
        processor_saved=1.0,
    )
    config = make_run_config("d", {"seed": place})
    times = {"started_at": 0.0, "finished_at": 9.0 + place}
    return Run(
        f"run{place}", RunState.COMPLETED, config, "d", 0.0, result=result, facts=facts, **times
    )


@pytest.mark.parametrize("chart", [accuracy_curves, loss_curves])
@pytest.mark.parametrize("lengths", [(3, 5), (0, 0), (1, 0), (4,) * 20])
def test_curves_of_any_number_of_runs_can_be_drawn_and_told_apart(chart, lengths):
    drawn = chart([(f"{EVIL}{i}", points(n)) for i, n in enumerate(lengths)], epochs=5)
    assert_drawable(drawn)
    looks = [(t["line"]["color"], t["line"]["dash"]) for t in drawn.figure["data"]]
    assert len(set(looks)) == len(lengths)
    assert "<a" not in json.dumps(drawn.figure) and "hovertemplate" not in json.dumps(drawn.figure)


@pytest.mark.parametrize("chart", [cost_chart, weights_chart])
def test_costs_show_the_runs_that_were_tested_with_their_intervals(chart):
    runs = [a_run(0), a_run(1), a_run(2, tested=False)]
    drawn = chart(runs, {run.id: EVIL for run in runs})
    assert_drawable(drawn)
    assert len(drawn.figure["data"]) == 2
    assert "80.0 % of 40 test images" in drawn.figure["data"][0]["hovertext"][0]
    assert "<a" not in json.dumps(drawn.figure)
    assert_drawable(chart([a_run(0, tested=False)], {"run0": "x"}))


def test_a_warm_cache_flatters_no_run_and_an_unknown_cost_is_not_drawn():
    cold = a_run(0)
    facts = RunFacts(processor_seconds={"training": 2.0}, processor_saved=8.0)
    warm = replace(a_run(1), facts=facts)
    old = replace(a_run(2), facts=RunFacts())
    drawn = cost_chart([cold, warm, old], {"run0": "a", "run1": "b", "run2": "c"})
    assert [trace["x"] for trace in drawn.figure["data"]] == [[10.0], [10.0]]
