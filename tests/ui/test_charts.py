import json
import math

import plotly.graph_objects as go
import pytest

from tl_core.records import MetricPoint, Prediction
from tl_ui.charts import (
    accuracy_chart,
    class_balance_chart,
    confusion_chart,
    loss_chart,
    top_answers_chart,
)

HOSTILE = [
    "<a href='javascript:1'>x</a>",
    "<b>bold</b> & co",
    "%{x} %{customdata}",
    "Überraschungsei & Söhne (2024) – final_FINAL",
]
TOKENS = {"@text": "#000", "@grid": "#111", "@surface": "#222", "@accent": "#333", "@muted": "#444"}


def points(*values):
    return [
        MetricPoint(seq, epoch, step, split, name, value, 380)
        for seq, (epoch, step, split, name, value) in enumerate(values)
    ]


def a_run(epochs):
    made = []
    for epoch in range(1, epochs + 1):
        made += [(epoch, epoch * 10 - 5, "train", "batch_loss", 2 / epoch)]
        made += [
            (epoch, epoch * 10, s, n, v / epoch)
            for s in ("train", "val")
            for n, v in (("loss", 1.0), ("accuracy", 0.5))
        ]
    return points(*made)


def predictions(n_classes, n=50):
    made = []
    for i in range(n):
        chances = [0.0] * n_classes
        chances[(i * 7) % n_classes if i % 5 else i % n_classes] = 1.0
        made.append(Prediction(i, i % n_classes, tuple(chances)))
    return made


def assert_drawable(chart):
    """Plotly takes it once the theme's colours are in, and JSON takes it as it is."""
    text = json.dumps(chart.figure, allow_nan=False)
    for token, colour in TOKENS.items():
        text = text.replace(f'"{token}"', f'"{colour}"')
    go.Figure(json.loads(text))
    assert chart.alt
    assert chart.title
    for axis in ("xaxis", "yaxis"):
        if axis in chart.figure["layout"]:
            assert chart.figure["layout"]["uirevision"] == "keep"


@pytest.mark.parametrize("chart", [loss_chart, accuracy_chart])
@pytest.mark.parametrize("epochs", [0, 1, 3, 40])
def test_curves(chart, epochs):
    assert_drawable(chart(a_run(epochs)))


def test_training_is_solid_and_validation_dashed_in_one_hue():
    train, val = loss_chart(a_run(3)).figure["data"][-2:]
    assert (train["name"], train["line"]["dash"]) == ("training", "solid")
    assert (val["name"], val["line"]["dash"]) == ("validation", "dash")
    assert train["line"]["color"] == val["line"]["color"]
    assert train["marker"]["symbol"] != val["marker"]["symbol"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_leaves_a_gap_and_is_said(value):
    made = points((1, 10, "train", "batch_loss", value), (1, 10, "train", "loss", value), (1, 10, "val", "loss", value))
    chart = loss_chart(made)
    assert_drawable(chart)
    assert chart.figure["data"][-1]["y"] == [None]
    assert "not a number" in chart.title


def test_a_long_run_stays_small():
    made = points(*[(1, step, "train", "batch_loss", 1.0) for step in range(1, 50_001)])
    assert len(loss_chart(made).figure["data"][0]["x"]) <= 500


def test_the_title_of_accuracy_says_of_how_many():
    assert accuracy_chart(a_run(2)).title == "Right on 25.0 % of 380 validation images after epoch 2"


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("n", [2, 5, 25, 200])
def test_a_confusion_matrix_of_any_size(n, normalise):
    chart = confusion_chart(predictions(n), [f"class {i}" for i in range(n)], "Test", normalise=normalise)
    assert_drawable(chart)
    (trace,) = chart.figure["data"]
    assert len(trace["z"]) == len(trace["z"][0]) == n
    assert ("texttemplate" in trace) == (n <= 20)
    assert len(json.dumps(chart.figure)) < 500_000


def test_a_confusion_matrix_has_truth_in_rows():
    made = [Prediction(0, 0, (0.1, 0.9)), Prediction(1, 0, (0.9, 0.1)), Prediction(2, 0, (0.2, 0.8))]
    counts = confusion_chart(made, ["cat", "dog"], "Test")
    assert counts.figure["data"][0]["z"] == [[1, 2], [0, 0]]
    assert counts.title == "Test: 1 of 3 images right (33.3 %)"
    assert "cat taken for dog (2)" in counts.alt
    hover = counts.figure["data"][0]["hovertext"][0][1]
    assert "2 of 3 (66.7 %)" in hover
    assert "✗ wrong" in hover
    shares = confusion_chart(made, ["cat", "dog"], "Test", normalise=True)
    assert shares.figure["data"][0]["z"][0] == pytest.approx([1 / 3, 2 / 3])


def test_no_predictions_yet():
    chart = confusion_chart([], ["a", "b"], "Validation")
    assert_drawable(chart)
    assert "nothing measured" in chart.title


def test_class_balance_is_sorted_and_cut():
    chart = class_balance_chart([f"c{i}" for i in range(200)], list(range(200)))
    assert_drawable(chart)
    assert chart.figure["data"][0]["x"][:2] == [199, 198]
    assert len(chart.figure["data"][0]["x"]) == 30
    assert "30 largest" in chart.title


def test_five_top_answers_and_the_true_one():
    chart = top_answers_chart([f"c{i}" for i in range(9)], [0.6, 0.2, 0.1, 0.05, 0.05, 0, 0, 0, 0], true=1)
    assert_drawable(chart)
    (trace,) = chart.figure["data"]
    assert trace["text"] == ["60.0 %", "20.0 % ✓ true class", "10.0 %", "5.0 %", "5.0 %"]


@pytest.mark.parametrize(
    "make",
    [
        lambda names: confusion_chart(predictions(4), names, "Test"),
        lambda names: class_balance_chart(names, [1, 2, 3, 4]),
        lambda names: top_answers_chart(names, [0.4, 0.3, 0.2, 0.1], true=0),
    ],
)
def test_class_names_are_never_markup_or_template(make):
    chart = make(HOSTILE)
    assert_drawable(chart)
    figure = json.dumps(chart.figure)
    assert "<a" not in figure
    assert "<b>" not in figure
    assert all("%{x}" not in trace.get("hovertemplate", "") for trace in chart.figure["data"])


def test_classes_that_look_the_same_when_shortened_stay_apart():
    names = ["a long name that begins alike, one", "a long name that begins alike, two"]
    (trace,) = class_balance_chart(names, [1, 2]).figure["data"]
    assert trace["y"] == [0, 1]
    assert names[0] in trace["hovertext"][1]
