"""Verdicts about classical models beside a trained one."""

import pytest

from tl_ui.probe_charts import verdict


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
