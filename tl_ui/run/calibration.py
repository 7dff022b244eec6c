"""Whether a tested run is as sure as it is right, and what answering only when sure would bring, on its page."""

from collections.abc import Sequence

import streamlit as st

from tl_core.charts import reliability_chart
from tl_core.evaluation import answered, reliability, wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.text import count, percent, share
from tl_ui.components.live_chart import chart
from tl_ui.folding import unfolded
from tl_ui.run.images import predictions_after, show_predictions
from tl_ui.run.results import results_or_none


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
        st.markdown(results.calibration.say(results.test), help=help_)
        st.fragment(_choose_threshold)(run, predictions)


def _choose_threshold(run: Run, predictions: Sequence[Prediction]) -> None:
    """Answering only when sure enough: how many images are left, and how right it is on those."""
    st.markdown("**If it only answered when it is sure**")
    threshold = st.slider(
        "Least confidence",
        0,
        100,
        50,
        format="%d %%",
        key=f"threshold-{run.id}",
        help=f"{GLOSSARY['confidence']} Images below the threshold would be left to a person.",
    )
    st.markdown(threshold_words(predictions, threshold / 100))
    if box := unfolded("See these images", ":material/image_search:", f"threshold-open-{run.id}"):
        with box:
            _show_parted(run, *parted(predictions, threshold / 100))


def _show_parted(run: Run, wrong: Sequence[Prediction], left: Sequence[Prediction]) -> None:
    words = {
        "wrong": f"Answered wrongly ({count(len(wrong))})",
        "left": f"Left to a person ({count(len(left))})",
    }
    which = st.segmented_control(
        "Show",
        list(words),
        default="wrong",
        required=True,
        format_func=words.__getitem__,
        key=f"threshold-which-{run.id}",
    )
    if chosen := {"wrong": wrong, "left": left}[which]:
        show_predictions(run, chosen, "test", f"{run.id}-threshold-{which}", page=12)
    else:
        st.caption("None.")


def parted(
    predictions: Sequence[Prediction], threshold: float
) -> tuple[list[Prediction], list[Prediction]]:
    """(those that would be answered wrongly, those left to a person), the surest first."""
    surest = sorted(predictions, key=lambda p: -p.confidence)
    wrong = [p for p in surest if p.confidence >= threshold and not p.is_right]
    return wrong, [p for p in surest if p.confidence < threshold]


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
