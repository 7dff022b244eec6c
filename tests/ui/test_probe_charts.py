"""Classical models beside a trained one: verdict, and a chart with the interval of each bar."""

import pytest

from tl_core.evaluation import wilson_interval
from tl_ui.probe_charts import probes_chart, verdict


@pytest.mark.parametrize(
    ("right", "says"), [(0.95, "might"), (0.99, "seems not"), (0.6, "even better")]
)
def test_whether_a_simpler_model_would_do(right, says):
    models = [("knn", "k-NN", 0.8), ("logistic", "Logistic regression", 0.93)]
    found = {
        "results": [
            {"name": name, "title": title, "accuracy": share} for name, title, share in models
        ]
    }
    said = verdict(found, right, 400)
    assert says in said and "Logistic regression, the best of them, is right on 93.0 %" in said
    assert "of 400 validation images (95 % interval " in said


def test_every_bar_has_its_interval():
    found = {
        "n": 400,
        "results": [{"name": "knn", "title": "k-NN", "accuracy": 0.8, "spread": 0.03}],
    }
    drawn = probes_chart(found, [("this run", 0.9, 40)])
    bars = drawn.figure["data"][0]
    low, high = wilson_interval(36, 40)
    assert bars["error_x"]["array"] == pytest.approx([3.0, 100 * (high - 0.9)])
    assert bars["error_x"]["arrayminus"] == pytest.approx([3.0, 100 * (0.9 - low)])
    assert "90.0 % (77–96 %), n = 40" in bars["hovertext"][1]
    assert "95 % interval" in drawn.title
