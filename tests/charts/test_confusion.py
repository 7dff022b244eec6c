import json

import pytest
from drawing_charts import assert_drawable
from hypothesis import given
from hypothesis import strategies as st

from tl_core.charts import MatrixView, confusion_chart
from tl_core.charts.confusion import labels_shown
from tl_core.records import Prediction

HOSTILE = [
    "<a href='javascript:1'>x</a>",
    "<b>bold</b> & co",
    "%{x} %{customdata}",
    "\u202eعربي 🦊" * 40,
]


def predictions(n_classes, n=50):
    made = []
    for i in range(n):
        chances = [0.0] * n_classes
        chances[(i * 7) % n_classes if i % 5 else i % n_classes] = 1.0
        made.append(Prediction(i, i % n_classes, tuple(chances)))
    return made


views = st.builds(MatrixView, st.booleans(), st.booleans(), st.none() | st.integers(2, 1000))


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("by_mix_ups", [False, True])
@pytest.mark.parametrize("n", [2, 5, 25, 200])
def test_a_matrix_of_any_size(n, shares, by_mix_ups):
    names = [f"class {i}" for i in range(n)]
    chart = confusion_chart(predictions(n), names, "Test", MatrixView(shares, by_mix_ups))
    assert_drawable(chart)
    (trace,) = chart.figure["data"]
    assert len(trace["z"]) == len(trace["z"][0]) == n
    assert ("texttemplate" in trace) == (n <= 20)
    assert len(json.dumps(chart.figure)) < 500_000


def test_truth_stands_in_rows():
    made = [
        Prediction(0, 0, (0.1, 0.9)),
        Prediction(1, 0, (0.9, 0.1)),
        Prediction(2, 0, (0.2, 0.8)),
    ]
    counts = confusion_chart(made, ["cat", "dog"], "Test")
    assert counts.figure["data"][0]["z"] == [[1, 2], [0, 0]]
    assert counts.title == "Test: 1 of 3 images right (33.3 %)"
    assert "cat taken for dog (2)" in counts.alt
    hover = counts.figure["data"][0]["hovertext"][0][1]
    assert "2 of 3 (66.7 %)" in hover
    assert "✗ wrong" in hover
    shares = confusion_chart(made, ["cat", "dog"], "Test", MatrixView(shares=True))
    assert shares.figure["data"][0]["z"][0] == pytest.approx([1 / 3, 2 / 3])


@given(views, st.integers(2, 30))
def test_every_cell_counts_the_images_of_the_labels_that_it_stands_for(view, n):
    made = predictions(n)
    labels, (trace,) = (
        labels_shown(made, n, view),
        confusion_chart(made, "x" * n, "", view).figure["data"],
    )
    assert len(labels) == min(n, view.top or n)
    for row, true in enumerate(labels):
        for column, answer in enumerate(labels):
            count = sum((p.true, p.predicted) == (true, answer) for p in made)
            share = count / max(1, sum(p.true == true for p in made))
            assert trace["z"][row][column] == pytest.approx(share if view.shares else count)


@given(views)
def test_a_view_comes_back_from_an_address(view):
    query = dict(pair.split("=") for pair in view.query.split("&") if pair)
    assert MatrixView.from_query(query) == view


@pytest.mark.parametrize("top", ["", "1", "-3", "x", "²", "9" * 5000, "000005" + "9" * 5000])
def test_an_address_that_says_nonsense_is_as_by_default(top):
    assert MatrixView.from_query({"top": top, "order": "x", "shares": "yes"}) == MatrixView()


def test_what_is_left_out_is_said():
    made = [
        Prediction(0, 0, (0, 1, 0, 0)),
        Prediction(1, 2, (0, 0, 0, 1)),
        Prediction(2, 0, (0, 1, 0, 0)),
    ]
    chart = confusion_chart(made, "abcd", "Test", MatrixView(top=2))
    assert "the 2 classes with most mix-ups" in chart.title
    assert "1 mix-up of other classes not shown" in chart.alt


def test_no_predictions_yet():
    chart = confusion_chart([], ["a", "b"], "Validation")
    assert_drawable(chart)
    assert "nothing measured" in chart.title


def test_class_names_are_never_markup_or_template():
    chart = confusion_chart(predictions(4), HOSTILE, "Test")
    assert_drawable(chart)
    figure = json.dumps(chart.figure)
    assert "<a" not in figure and "<b>" not in figure
    assert all("%{x}" not in trace.get("hovertemplate", "") for trace in chart.figure["data"])
