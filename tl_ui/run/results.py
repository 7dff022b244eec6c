"""Test metrics of a run with confidence intervals, frequent confusions, over- or underfitting."""

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.evaluation import Judgement, NamedFigure, named_figures
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.results import Confused, Results, results_of
from tl_core.runs.summary import missing_words, seen_before
from tl_core.text import number_of, percent, share, shorten
from tl_ui.caching import cached_by_person
from tl_ui.markdown import literal, whole_figures
from tl_ui.resources import get_workspace

_MOST_CONFUSED = 5
_SHORT_LABELS = {
    "accuracy": "Test accuracy",
    "balanced_accuracy": "Balanced acc.",
    "log_loss": "Test loss",
    "roc_auc": "ROC AUC",
}
"""Labels that fit into a card, by `NamedFigure.key`."""
_HINTS = {
    "balanced_accuracy": "Balanced accuracy. {}",
    "log_loss": "{} It is the log-loss, in nats.",
}
"""Explanations with the full name that the short label leaves out, by `NamedFigure.key`."""


@cached_by_person(64)
def run_results(run_id: str) -> Results:
    """Compute the results of a tested run once; they never change again."""
    return results_of(get_workspace().store, run_id)


def results_or_none(run: Run) -> Results | None:
    """Return the results, or None for the reason that `why_no_figures` gives."""
    if not run.result or why_no_figures(run):
        return None
    return run_results(run.id)


def why_no_figures(run: Run) -> str:
    """Say why a tested run has no figures; empty if it has them.

    Without figures there is neither a report nor an export.
    """
    try:
        run_results(run.id)
    except TransferLabError as error:
        return str(error)
    return ""


def show_figures(run: Run) -> None:
    """Draw all test metrics, each with its interval and number of images."""
    if run.result is None:
        return
    if why := why_no_figures(run):
        st.warning(literal(why), icon=":material/error:")
        return
    test = run_results(run.id).test
    # A run that carries on from another is tested on the same images as that was.
    seen = literal(seen_before(run))
    images = number_of(test.n, "image")
    st.subheader("Test metrics", help=GLOSSARY["test set"], anchor=False)
    st.caption(f"On the test set: {images} kept aside{'' if seen else ' until the end'}.")
    # The style sheet keeps room for figures that are still loading.
    with st.container(horizontal=True, gap="small", key="metrics"):
        for label, value, interval, explanation in figure_cards(test):
            st.metric(
                label,
                value,
                interval,
                # The delta holds the interval, which is no change for better or worse.
                delta_color="off",
                delta_arrow="off",
                help=f"{explanation} Measured on {number_of(test.n, 'test image')}.",
                border=True,
                width=166,
            )
    st.caption(
        "Below each figure: the range in which it would most likely lie if it were measured on all "
        f"images of this kind, of which the test images are a sample (95 % interval). "
        f"{baseline_words(test)} {missing_words(test)} {seen}"
    )


def figure_cards(test: Judgement) -> list[tuple[str, str, str, str]]:
    """Return (name, value, interval, explanation) of every metric."""
    return [_figure_card(named) for named in named_figures(test)]


def _figure_card(named: NamedFigure) -> tuple[str, str, str, str]:
    figure = named.figure
    name = _SHORT_LABELS.get(named.key) or f"Macro {named.name}"
    words = _HINTS.get(named.key, "{}").format(named.explanation)
    if not named.is_share:
        return name, figure.value_words, figure.interval_words, words
    interval = f"{100 * figure.low:.0f} to {100 * figure.high:.0f} %"
    return name, percent(figure.value), interval, words


def baseline_words(test: Judgement) -> str:
    """Return the accuracy that is reached without learning: by the majority class, by chance."""
    guessing = f"guessing on {percent(test.chance)}"
    if test.majority_accuracy is None:
        return f"Without learning anything, {guessing} would be right."
    return (
        "Always answering the class that is most frequent in training would be right on "
        f"{percent(test.majority_accuracy)} of these images, {guessing}."
    )


def show_confused(run: Run) -> None:
    """Draw the pairs of classes that are most often confused, in words."""
    results = results_or_none(run)
    if not results or not results.confused:
        return
    shown = results.confused[:_MOST_CONFUSED]
    st.markdown("**Most frequent confusions**: which classes are mixed up most often")
    st.markdown("\n".join(f"- {confused_words(pair)}" for pair in shown))
    n_left = len(results.confused) - len(shown)
    if n_left:
        verb = "was" if n_left == 1 else "were"
        pairs = number_of(n_left, "other pair")
        st.caption(f"{pairs} of classes {verb} mixed up no more often.")


def confused_words(pair: Confused) -> str:
    """Return as Markdown a sentence such as `3 of 20 images of cat were taken for dog`."""
    true = literal(shorten(pair.true, 60))
    answer = literal(shorten(pair.answer, 60))
    images = "image" if pair.of == 1 else "images"
    verb = "was" if pair.n == 1 else "were"
    return f"{share(pair.n, pair.of)} {images} of **{true}** {verb} taken for **{answer}**"


def show_fit(run: Run) -> None:
    """Draw the verdict on overfitting and underfitting, with the figures behind it."""
    if results := results_or_none(run):
        st.markdown(whole_figures(literal(f"{results.fit.sentence} {results.promise}")))
