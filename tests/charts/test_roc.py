import pytest
from drawing_charts import assert_drawable

from tl_core.charts import precision_recall_chart, roc_chart
from tl_core.evaluation.roc import rank
from tl_core.records import Prediction


@pytest.mark.parametrize(
    ("chart", "figure"), [(roc_chart, "ROC AUC 0.750"), (precision_recall_chart, "0.833")]
)
def test_a_curve_names_its_figure_its_split_and_its_n(chart, figure):
    made = [
        Prediction(i, true, (1 - p, p))
        for i, (true, p) in enumerate([(1, 0.9), (0, 0.6), (1, 0.5), (0, 0.1)])
    ]
    drawn = chart(rank(made, 1), "test")
    assert_drawable(drawn)
    assert figure in drawn.title
    assert "2 test images of it, 2 of others" in drawn.alt
