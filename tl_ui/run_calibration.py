"""Whether a tested run is as sure as it is right, and what answering only when sure would bring, on its page."""

from collections.abc import Sequence

import streamlit as st

from tl_core.charts import reliability_chart
from tl_core.evaluation import Judgement, answered, reliability, wilson_interval
from tl_core.records import Prediction, Run
from tl_core.results import Calibration
from tl_core.text import GLOSSARY, count, number_of, percent, share
from tl_ui.components.live_chart import chart
from tl_ui.run_images import predictions_after
from tl_ui.run_results import results_or_none

_TOO_WIDE = 30
"""Points from end to end of the accuracy's interval in which any confidence would lie."""


def show_calibration(run: Run) -> None:
    """Whether it is as sure as it is right."""
    results = results_or_none(run)
    if not results:
        return
    _, predictions = predictions_after(run.id, "test", run.epochs_done)
    st.subheader("Is it as sure as it is right?", help=GLOSSARY["calibration"], anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(reliability_chart(reliability(predictions)), key=f"reliability-{run.id}")
    with right:
        help_ = GLOSSARY["temperature"] if results.calibration.temperature else None
        st.markdown(calibration_words(results.calibration, results.test), help=help_)
        st.fragment(_choose_threshold)(run.id, predictions)


def _choose_threshold(run_id: str, predictions: Sequence[Prediction]) -> None:
    """Answering only when sure enough: how many images are left, and how right it is on those."""
    st.markdown("**If it only answered when it is sure**")
    threshold = st.slider(
        "Least confidence",
        0,
        100,
        50,
        format="%d %%",
        key=f"threshold-{run_id}",
        help=f"{GLOSSARY['confidence']} Images below the threshold would be left to a person.",
    )
    st.markdown(threshold_words(predictions, threshold / 100))


def threshold_words(predictions: Sequence[Prediction], threshold: float) -> str:
    """For Markdown."""
    (found,) = answered(predictions, [threshold])
    n = len(predictions)
    left = f"It would answer **{share(found.n, n)}** test images ({percent(found.n / n)})"
    if not found.n:
        return f"{left}, and leave all to a person."
    low, high = wilson_interval(found.right, found.n)
    return (
        f"{left} and be right on **{share(found.right, found.n)}** of those, {percent(found.right / found.n)} "
        f"(95 % interval {100 * low:.0f} to {100 * high:.0f} %). {count(n - found.n)} would be left to a person."
    )


def calibration_words(said: Calibration, test: Judgement) -> str:
    """For Markdown."""
    gap = 100 * (said.confidence - test.accuracy.value)
    low, high = 100 * test.accuracy.low, 100 * test.accuracy.high
    figures = (
        f"its confidence is {percent(said.confidence)} on average, and it is right on {percent(test.accuracy.value)}"
    )
    if low <= 100 * said.confidence <= high and high - low > _TOO_WIDE:
        return (
            f"{number_of(test.n, 'test image')} {'is' if test.n == 1 else 'are'} too few to say whether it is as sure "
            f"as it is right: {figures}, which on others could be anything from {low:.0f} to {high:.0f} %."
        )
    if low <= 100 * said.confidence <= high:
        verdict = "On the whole it is about as sure as it is right"
    else:
        verdict = f"It is too {'sure' if gap > 0 else 'unsure'} of itself"
    words = (
        f"{verdict}: {figures} of {count(test.n)} test images. From bar to bar the two lie "
        f"**{100 * said.error:.1f} points** apart (expected calibration error)."
    )
    if said.temperature is None or said.error_at_temperature is None:
        return words
    return f"{words}\n\n{_temperature_words(said, said.temperature, said.error_at_temperature)}"


def _temperature_words(said: Calibration, temperature: float, error: float) -> str:
    """Whether it would help to make the model less sure, or surer, of all its answers."""
    how = (
        f"dividing its logits, the scores behind its probabilities, by a temperature of {temperature:.2f}, fitted on "
        f"{number_of(said.n_fitted, 'validation image')}"
    )
    before, after = f"{100 * said.error:.1f}", f"{100 * error:.1f}"
    if float(after) >= float(before):
        return f"Making it {_surer(temperature)} would not help: {how}, would leave them {after} points apart."
    changes = "It changes how sure it is, and no answer."
    return f"It could be made {_surer(temperature)}: {how}, would make that {after} points. {changes}"


def _surer(temperature: float) -> str:
    return "less sure" if temperature > 1 else "surer"
