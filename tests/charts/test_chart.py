import json

import pytest
from drawing_charts import assert_drawable

from tl_core.charts import class_balance_chart, top_answers_chart

HOSTILE = [
    "<a href='javascript:1'>x</a>",
    "<b>bold</b> & co",
    "%{x} %{customdata}",
    "Überraschungsei & Söhne (2024) – final_FINAL",
]


def test_five_top_answers_and_the_true_one():
    chart = top_answers_chart(
        [f"c{i}" for i in range(9)], [0.6, 0.2, 0.1, 0.05, 0.05, 0, 0, 0, 0], true=1
    )
    assert_drawable(chart)
    (trace,) = chart.figure["data"]
    assert trace["text"] == ["60.0 %", "20.0 % ✓ true class", "10.0 %", "5.0 %", "5.0 %"]


@pytest.mark.parametrize(
    "make",
    [
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
