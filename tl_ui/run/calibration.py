"""Calibration of a tested run: reliability diagram, and accuracy above a confidence threshold."""

from collections.abc import Sequence

import streamlit as st

from tl_core.charts import reliability_chart
from tl_core.evaluation import answered, reliability, wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.text import count, percent, share
from tl_ui.components.live_chart import chart
from tl_ui.folding import unfolded
from tl_ui.markdown import whole_figures
from tl_ui.run.images import predictions_after, show_predictions
from tl_ui.run.results import results_or_none


def show_calibration(run: Run) -> None:
    """Draw the reliability diagram, its verdict and the confidence threshold."""
    results = results_or_none(run)
    if not results:
        return
    _, predictions = predictions_after(run.id, "test", run.epochs_done)
    st.subheader("Calibration", help=GLOSSARY["calibration"], anchor=False)
    st.caption(
        "Is the model as sure as it is right? The reliability diagram shows its accuracy by "
        "confidence."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(reliability_chart(reliability(predictions)), key=f"reliability-{run.id}")
    with right:
        help_ = GLOSSARY["temperature"] if results.calibration.temperature else None
        st.markdown(whole_figures(results.calibration.say(results.test)), help=help_)
        # A fragment, so that moving the slider redraws this part alone.
        st.fragment(_choose_threshold)(run, predictions)


def _choose_threshold(run: Run, predictions: Sequence[Prediction]) -> None:
    """Draw a confidence threshold with the coverage and accuracy above it."""
    st.markdown("**Confidence threshold**: if it only answered when it is sure")
    threshold = st.slider(
        "Least confidence",
        0,
        100,
        50,
        format="%d %%",
        key=f"threshold-{run.id}",
        help=f"{GLOSSARY['confidence']} Images below the threshold would be left to a person.",
    )
    st.markdown(whole_figures(threshold_words(predictions, threshold / 100)))
    # Folded, because loading the images takes longer than the figures above.
    if box := unfolded("See these images", ":material/image_search:", f"threshold-open-{run.id}"):
        with box:
            _show_parted(run, *parted(predictions, threshold / 100))


def _show_parted(run: Run, wrong: Sequence[Prediction], left: Sequence[Prediction]) -> None:
    # Keys are the options, since the counts in the labels change with the threshold, and a
    # changed option loses its choice.
    labels = {
        "wrong": f"Answered wrongly ({count(len(wrong))})",
        "left": f"Left to a person ({count(len(left))})",
    }
    which = st.segmented_control(
        "Show",
        list(labels),
        default="wrong",
        required=True,
        format_func=labels.__getitem__,
        key=f"threshold-which-{run.id}",
    )
    if chosen := {"wrong": wrong, "left": left}[which]:
        show_predictions(run, chosen, "test", f"{run.id}-threshold-{which}", page=12)
    else:
        st.caption("None.")


def parted(
    predictions: Sequence[Prediction], threshold: float
) -> tuple[list[Prediction], list[Prediction]]:
    """Return (wrong predictions above the threshold, all predictions below it), surest first."""
    surest = sorted(predictions, key=lambda p: -p.confidence)
    wrong = [p for p in surest if p.confidence >= threshold and not p.is_right]
    return wrong, [p for p in surest if p.confidence < threshold]


def threshold_words(predictions: Sequence[Prediction], threshold: float) -> str:
    """Return coverage and accuracy at a confidence threshold, as Markdown."""
    (figures,) = answered(predictions, [threshold])
    n = len(predictions)
    coverage = f"It would answer **{share(figures.n, n)}** test images ({percent(figures.n / n)})"
    # No image reaches the threshold: there is no share to compute.
    if not figures.n:
        return f"{coverage}, and leave all to a person."
    low, high = wilson_interval(figures.right, figures.n)
    return (
        f"{coverage} and be right on **{share(figures.right, figures.n)}** of those, "
        f"{percent(figures.right / figures.n)} "
        f"(95 % interval {100 * low:.0f} to {100 * high:.0f} %). "
        f"{count(n - figures.n)} would be left to a person."
    )
