import math
from dataclasses import replace

import pytest
from drawing_charts import assert_drawable

from tl_core.config import make_run_config
from tl_core.records import MetricPoint, Run, RunState
from tl_ui.optimizers.curves import LOOKS, accuracies_chart, losses_chart


def line(optimizer, epochs=3, steps=10, loss=1.0):
    """Return a run and its points."""
    config = make_run_config("d1", {"optimizer": optimizer})
    run = Run(optimizer, RunState.RUNNING, config, "pets", 0.0)
    points = []
    for step in range(1, epochs * steps + 1):
        epoch = (step - 1) // steps + 1
        values = [("train", "batch_loss", loss / step)]
        if step == epoch * steps:
            values += [
                ("train", "loss", loss / epoch),
                ("val", "loss", 1.0),
                ("val", "accuracy", 0.5),
            ]
        points += [
            MetricPoint(len(points) + i, epoch, step, *value, 8) for i, value in enumerate(values)
        ]
    return run, points


@pytest.mark.parametrize("chart", [losses_chart, accuracies_chart])
@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_every_optimizer_has_its_own_line(chart, epochs):
    drawn = chart([line(name, epochs) for name in LOOKS])
    assert_drawable(drawn)
    traces = drawn.figure["data"]
    looks = {
        (trace["line"]["color"], trace["line"]["dash"], trace["marker"]["symbol"])
        for trace in traces
    }
    assert len(looks) == len({trace["name"] for trace in traces}) == 8


def test_losses_share_an_axis_of_epochs_though_their_steps_differ():
    drawn = losses_chart([line("gd", steps=1), line("adam", steps=40)])
    assert [trace["x"][-1] for trace in drawn.figure["data"]] == [3, 3]


def test_an_optimizer_that_diverges_does_not_flatten_the_others():
    drawn = losses_chart(
        [line("gd", loss=1e6), line("sgd", loss=math.inf), *map(line, ("adam", "adamw", "adagrad"))]
    )
    assert drawn.figure["layout"]["yaxis"]["range"][1] < 10
    assert "left out of view" in drawn.title


def test_the_title_names_the_best_optimizer():
    assert "Adam (0.333)" in losses_chart([line("gd", loss=2.0), line("adam")]).title
    assert losses_chart([line("sgd"), line("adam", loss=1.0003)]).title.endswith(
        "with SGD and Adam (0.333)"
    )
    assert (
        accuracies_chart([line("gd")]).title
        == "Right on up to 50.0 % of 8 validation images, with Gradient descent"
    )


def test_the_title_says_so_far_only_while_runs_are_busy():
    lines = [line("gd", loss=2.0), line("adam")]
    assert losses_chart(lines).title.startswith("Training loss so far is lowest with Adam")
    ended = [(replace(run, state=RunState.COMPLETED), points) for run, points in lines]
    assert losses_chart(ended).title.startswith("Training loss is lowest with Adam")
