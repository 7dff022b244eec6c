import pytest
from drawing_charts import assert_drawable

from tl_core.charts import balance_words, class_balance_chart, is_balanced


def test_classes_are_sorted_by_size():
    chart = class_balance_chart(["a", "b", "c"], [2, 30, 7])
    assert_drawable(chart)
    assert chart.figure["data"][0]["x"] == [30, 7, 2]
    assert chart.title == "39 images in 3 classes, from 2 to 30 in each"


def test_of_many_classes_both_ends_are_drawn():
    chart = class_balance_chart([f"c{i}" for i in range(200)], list(range(1, 201)))
    assert_drawable(chart)
    assert chart.figure["data"][0]["x"] == [*range(200, 185, -1), *range(15, 0, -1)]
    assert "the 15 largest and the 15 smallest" in chart.title


def test_classes_that_look_the_same_when_shortened_stay_apart():
    names = ["a long name that begins alike, one", "a long name that begins alike, two"]
    (trace,) = class_balance_chart(names, [2, 1]).figure["data"]
    assert trace["y"] == [0, 1]
    assert names[0] in trace["hovertext"][0]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([6] * 200, "1200 images in 200 classes, 6 in each"),
        ([5, 6], "11 images in 2 classes, from 5 to 6 in each"),
        ([1, 2], "3 images in 2 classes, from 1 to 2 in each"),
        ([60, 50], "110 images in 2 classes, from 50 to 60 in each"),
    ],
)
def test_equal_classes_need_only_words(counts, words):
    assert is_balanced(counts)
    assert balance_words(counts) == words


@pytest.mark.parametrize("counts", [[3, 14], [60, 45], [1, 3], [100] * 9 + [10]])
def test_uneven_classes_are_drawn(counts):
    assert not is_balanced(counts)
