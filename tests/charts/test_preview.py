"""The preview's chart gives every figure with its number of images and its interval."""

import pytest
from drawing_charts import assert_drawable

from tl_core.charts import preview_chart
from tl_core.records import PREVIEW, MetricPoint


def fits(*values):
    return [
        MetricPoint(seq, 0, step, PREVIEW, "accuracy", value, n)
        for seq, (step, value, n) in enumerate(values)
    ]


@pytest.mark.parametrize("n", [0, 1, 40])
def test_any_number_of_fits_is_drawn(n):
    assert_drawable(preview_chart(fits(*[(8 * i, 0.5, 20) for i in range(1, n + 1)]), 400))


def test_it_says_what_was_reached_on_how_many_images_and_how_sure_that_is():
    epochs = [MetricPoint(7, 1, 10, "val", "accuracy", 0.1, 60)]
    chart = preview_chart([*fits((32, 0.5, 20), (1024, 0.9, 60)), *epochs], 1769)
    assert chart.title == (
        "Preview: right on 90.0 % of 60 validation images (80–95 %) after 1024 of 1769 training "
        "images"
    )
    assert "from 50.0 % with 32 to 90.0 % with 1024" in chart.alt
    [line] = chart.figure["data"]
    assert line["x"] == [32, 1024] and line["y"] == [50, 90]
    for down, value, up in zip(
        line["error_y"]["arrayminus"], line["y"], line["error_y"]["array"], strict=True
    ):
        assert 0 <= value - down < value < value + up <= 100
    assert "1769" not in preview_chart(fits((1769, 0.5, 20)), 1769).title.replace(
        "1769 training", ""
    )
