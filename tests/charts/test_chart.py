import json

import pytest
from drawing_charts import assert_drawable

from tl_core.charts import class_balance_chart, confusion_chart, top_answers_chart
from tl_core.records import Prediction

HOSTILE = [
    "<a href='javascript:1'>x</a>",
    "<b>bold</b> & co",
    "%{x} %{customdata}",
    "Überraschungsei & Söhne (2024) – final_FINAL",
]


def predictions(n_classes, n=50):
    made = []
    for i in range(n):
        chances = [0.0] * n_classes
        chances[(i * 7) % n_classes if i % 5 else i % n_classes] = 1.0
        made.append(Prediction(i, i % n_classes, tuple(chances)))
    return made


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
