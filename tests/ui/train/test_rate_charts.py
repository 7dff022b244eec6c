import pytest

from tl_core.config import make_run_config
from tl_ui.train.rate_charts import finding_chart, rate_chart

RATES = list(enumerate([0.01, 0.01, 0.001, 0.001, 0.001]))


def test_the_drops_of_plateau_cannot_be_known():
    assert (
        "cannot be known"
        in rate_chart(make_run_config("any", {"schedule": "plateau"}), RATES).title
    )


@pytest.mark.parametrize(
    "schedule", ["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]
)
def test_every_schedule_has_a_sentence(schedule):
    assert rate_chart(make_run_config("any", {"schedule": schedule}), RATES).title.startswith(
        "Learning rate of the head: "
    )


def test_the_finding_marks_its_suggestion_and_leaves_out_what_diverged():
    chart = finding_chart([1e-4, 1e-3, 1e-2], [2.0, 1.0, float("nan")], 1e-3)
    assert chart.figure["data"][0]["x"] == [1e-4, 1e-3]
    assert chart.figure["layout"]["shapes"][0]["x0"] == 1e-3
    assert "0.001" in chart.title
    assert "shapes" not in finding_chart([1e-4], [1.0], None).figure["layout"]
