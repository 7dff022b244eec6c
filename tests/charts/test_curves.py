import math

import pytest
from drawing_charts import assert_drawable

from tl_core.charts.curves import Border, accuracy_chart, learning_rate_chart, loss_chart
from tl_core.records import MetricPoint

BORDERS = [Border(2, "unfrozen: <b>layer4</b>"), Border(30, "unfrozen: layer3")]


def points(*values):
    return [
        MetricPoint(seq, epoch, step, split, name, value, 380)
        for seq, (epoch, step, split, name, value) in enumerate(values)
    ]


def a_run(epochs):
    made = []
    for epoch in range(1, epochs + 1):
        made += [(epoch, epoch * 10 - 5, "train", "batch_loss", 2 / epoch)]
        made += [(epoch, epoch * 10, "train", "learning_rate", 0.01 / epoch)]
        made += [
            (epoch, epoch * 10, s, n, v / epoch)
            for s in ("train", "val")
            for n, v in (("loss", 1.0), ("accuracy", 0.5))
        ]
    return points(*made)


@pytest.mark.parametrize("chart", [loss_chart, accuracy_chart, learning_rate_chart])
@pytest.mark.parametrize("epochs", [0, 1, 3, 40])
def test_curves(chart, epochs):
    assert_drawable(chart(a_run(epochs), BORDERS))


def test_training_is_solid_and_validation_dashed_in_one_hue():
    train, val = loss_chart(a_run(3)).figure["data"][-2:]
    assert (train["name"], train["line"]["dash"]) == ("training", "solid")
    assert (val["name"], val["line"]["dash"]) == ("validation", "dash")
    assert train["line"]["color"] == val["line"]["color"]
    assert train["marker"]["symbol"] != val["marker"]["symbol"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_leaves_a_gap_and_is_said(value):
    made = points(
        (1, 10, "train", "batch_loss", value),
        (1, 10, "train", "loss", value),
        (1, 10, "val", "loss", value),
    )
    chart = loss_chart(made)
    assert_drawable(chart)
    assert chart.figure["data"][-1]["y"] == [None]
    assert "not a number" in chart.title


def test_a_long_run_stays_small():
    made = points(*[(1, step, "train", "batch_loss", 1.0) for step in range(1, 50_001)])
    assert len(loss_chart(made).figure["data"][0]["x"]) <= 500


def test_the_title_of_accuracy_says_of_how_many():
    assert (
        accuracy_chart(a_run(2)).title
        == "Right on 25.0 % (21–30 %) of 380 validation images after epoch 2"
    )


def test_the_titles_of_a_run_that_has_ended_speak_of_the_model_that_was_kept():
    right = accuracy_chart(a_run(5), kept=2)
    assert (
        right.title
        == "Right on 25.0 % (21–30 %) of 380 validation images after epoch 2, whose model was kept"
    )
    loss = loss_chart(a_run(5), kept=2)
    assert (
        loss.title
        == "Loss after epoch 2, whose model was kept: 0.500 in training, 0.500 in validation"
    )


@pytest.mark.parametrize("chart", [loss_chart, accuracy_chart, learning_rate_chart])
def test_an_empty_chart_has_no_axis_below_zero(chart):
    layout = chart([]).figure["layout"]
    assert layout["xaxis"]["range"][0] >= 0
    assert layout["yaxis"]["range"][0] >= 0


@pytest.mark.parametrize(
    ("chart", "places"), [(loss_chart, [10]), (accuracy_chart, [1.5]), (learning_rate_chart, [1.5])]
)
def test_phases_that_have_begun_are_marked_where_they_begin(chart, places):
    layout = chart(a_run(3), BORDERS).figure["layout"]
    assert [shape["x0"] for shape in layout["shapes"]] == places
    assert layout["annotations"][0]["text"] == "unfrozen: &lt;b&gt;layer4&lt;/b&gt;"


def test_one_huge_loss_does_not_flatten_the_rest_and_is_said():
    made = [*a_run(6), MetricPoint(99, 1, 10, "val", "loss", 80.0, 380)]
    chart = loss_chart(made)
    low, high = chart.figure["layout"]["yaxis"]["range"]
    assert low == 0
    assert 2 < high < 6
    assert "1 value above" in chart.title
    assert "up to 80" in chart.title
    assert "double-click" in chart.title
    assert 80.0 in chart.figure["data"][-1]["y"]


@pytest.mark.parametrize("first", [2.3, 5.3])
def test_a_loss_that_falls_from_where_an_untrained_model_begins_is_shown_whole(first):
    made = points(*[(1, step, "train", "batch_loss", first / (1 + step)) for step in range(500)])
    assert "range" not in loss_chart(made).figure["layout"]["yaxis"]


def test_without_training_accuracy_there_is_no_such_line():
    made = [point for point in a_run(3) if (point.split, point.name) != ("train", "accuracy")]
    chart = accuracy_chart(made)
    assert [trace["name"] for trace in chart.figure["data"]] == ["validation"]
    assert "not measured" in chart.alt


def test_the_interval_in_the_title_is_drawn_at_the_epoch_that_it_names():
    drawn = accuracy_chart(a_run(5), kept=2).figure["data"][-1]
    bars = drawn["error_y"]
    assert [place for place, length in enumerate(bars["array"]) if length] == [1]
    low = drawn["y"][1] - bars["arrayminus"][1]
    high = drawn["y"][1] + bars["array"][1]
    assert round(low) == 21 and round(high) == 30
