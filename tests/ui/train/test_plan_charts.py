import json

import pytest

from tl_core.backbones import Frozen
from tl_core.config import make_run_config
from tl_core.training.plan import Phase
from tl_ui.train.plan_charts import cell_rates, plan_chart, plan_title

STAGES = ("stem", "<b>stage1</b>", "top")
ALONE = Phase(1, 2, Frozen(3), (0.0, 0.0, 0.0, 0.01))
WITH_TOP = Phase(3, 5, Frozen(2), (0.0, 0.0, 0.001, 0.001))
STEADY = [0.01, 0.01, 0.001, 0.001, 0.001]


def settings(**changes):
    return make_run_config("any", {"frozen_stages": -1, "epochs": 5, "head_epochs": 2, **changes})


TWO_PHASE = settings(unfreeze="two-phase")


def test_a_cell_is_empty_exactly_where_its_stage_is_frozen():
    cells = cell_rates([ALONE, WITH_TOP], STEADY)
    assert [[rate is None for rate in row] for row in cells] == [
        [True] * 5,
        [True] * 5,
        [True, True, False, False, False],
        [False] * 5,
    ]
    assert cells[3] == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.001])


def test_frozen_stretches_are_hatched_and_learning_cells_are_not():
    chart = plan_chart(TWO_PHASE, [ALONE, WITH_TOP], STAGES, STEADY)
    bars, cells = chart.figure["data"]
    assert list(zip(bars["y"], bars["base"], bars["x"], strict=True)) == [
        (0, 0.5, 5),
        (1, 0.5, 5),
        (2, 0.5, 2),
    ]
    assert bars["marker"]["pattern"]["shape"] == "/"
    assert cells["z"][0] == [None] * 5
    assert "&lt;b&gt;" in chart.figure["layout"]["yaxis"]["ticktext"][1]
    json.dumps(chart.figure, allow_nan=False)


def test_nothing_frozen_draws_no_bars():
    chart = plan_chart(settings(), [Phase(1, 5, Frozen(0), (1.0, 1.0, 1.0, 1.0))], STAGES, STEADY)
    assert [trace["type"] for trace in chart.figure["data"]] == ["heatmap"]


@pytest.mark.parametrize(
    ("config", "plan", "title"),
    [
        (
            settings(),
            [Phase(1, 5, Frozen(3), (0, 0, 0, 1.0))],
            "The head alone learns for 5 epochs",
        ),
        (
            settings(),
            [Phase(1, 5, Frozen(2), (0, 0, 1.0, 1.0))],
            "The head and the last stage learn for 5 epochs",
        ),
        (TWO_PHASE, [ALONE, WITH_TOP], "2 epochs of the head alone, then 3 with the last stage"),
        (
            settings(unfreeze="gradual", frozen_stages=0),
            [ALONE, WITH_TOP, Phase(5, 5, Frozen(0), (1.0,) * 4)],
            "2 epochs of the head alone, then one stage more every epoch, until all 3 stages learn",
        ),
        (
            settings(pretrained=False, frozen_stages=0),
            [Phase(1, 5, Frozen(0), (1.0,) * 4)],
            "Every stage learns from",
        ),
    ],
)
def test_the_title_says_what_learns_when(config, plan, title):
    assert plan_title(config, plan).startswith(title)


def test_the_plan_has_a_description():
    alt = plan_chart(TWO_PHASE, [ALONE, WITH_TOP], STAGES, STEADY).alt
    assert "epochs 1 to 2: only the head; epochs 3 to 5: top to the head" in alt
