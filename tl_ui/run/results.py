"""What a tested run has shown, on its page: figures with intervals, mix-ups in words, how it fits."""

from functools import lru_cache

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.evaluation import Judgement, NamedFigure, named_figures
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.results import Confused, Results, results_of
from tl_core.runs.summary import missing_words, seen_before
from tl_core.text import count, number_of, percent, share, shorten
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace

_MOST_CONFUSED = 5
_SHORT_LABELS = {
    "accuracy": "Test accuracy",
    "balanced_accuracy": "Balanced",
    "log_loss": "Test loss",
    "roc_auc": "ROC AUC",
}
"""Labels that fit into a card, by `NamedFigure.key`."""
_HINTS = {
    "balanced_accuracy": "Balanced accuracy. {}",
    "log_loss": "{} It is the log-loss, in nats.",
}
"""Explanations that say as well what the short label leaves out."""


@lru_cache(maxsize=64)
def run_results(run_id: str) -> Results:
    """Of a tested run, which never changes again."""
    return results_of(get_workspace().store, run_id)


def results_or_none(run: Run) -> Results | None:
    """None for a run that has no figures; why not, `why_no_figures` says."""
    return run_results(run.id) if run.result and not why_no_figures(run) else None


def why_no_figures(run: Run) -> str:
    """Of a tested run, in a sentence; nothing where it has them. Without figures there is no report and no export."""
    try:
        run_results(run.id)
    except TransferLabError as error:
        return str(error)
    return ""


def show_figures(run: Run) -> None:
    """All figures of the one look at the test set, each with its interval and what it was measured on."""
    if run.result is None:
        return
    if why := why_no_figures(run):
        st.warning(literal(why), icon=":material/error:")
        return
    results = run_results(run.id)
    before = literal(seen_before(run))
    st.subheader(
        f"On the test set: {number_of(results.test.n, 'image')} kept aside{'' if before else ' until the end'}",
        help=GLOSSARY["test set"],
        anchor=False,
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, interval, explanation in figure_cards(results.test):
            words = f"{explanation} Measured on {number_of(results.test.n, 'test image')}."
            st.metric(
                label,
                value,
                interval,
                delta_color="off",
                delta_arrow="off",
                help=words,
                border=True,
                width=166,
            )
    st.caption(
        f"Below each figure: the range it would most likely lie in on another test set of {count(results.test.n)} "
        f"images (95 % interval). {baseline_words(results.test)} {missing_words(results.test)} {before}"
    )


def figure_cards(test: Judgement) -> list[tuple[str, str, str, str]]:
    """(name, value, interval, explanation) of every figure there is."""
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
    guessing = f"guessing on {percent(test.chance)}"
    if test.majority_accuracy is None:
        return f"Without learning anything, {guessing} would be right."
    return (
        f"Always answering the class that is most frequent in training would be right on "
        f"{percent(test.majority_accuracy)} of these images, {guessing}."
    )


def show_confused(run: Run) -> None:
    """The pairs of classes that are most often mixed up, in words."""
    results = results_or_none(run)
    if not results or not (confused := results.confused):
        return
    st.markdown("**Most often mixed up**")
    st.markdown("\n".join(f"- {words}" for words in map(confused_words, confused[:_MOST_CONFUSED])))
    if len(confused) > _MOST_CONFUSED:
        left = number_of(len(confused) - _MOST_CONFUSED, "other pair")
        st.caption(
            f"{left} of classes {'was' if left.startswith('1 ') else 'were'} mixed up no more often."
        )


def confused_words(pair: Confused) -> str:
    """For Markdown."""
    true = literal(shorten(pair.true, 60))
    answer = literal(shorten(pair.answer, 60))
    images = "image" if pair.of == 1 else "images"
    return f"{share(pair.n, pair.of)} {images} of **{true}** {'was' if pair.n == 1 else 'were'} taken for **{answer}**"


def show_fit(run: Run) -> None:
    """Whether it learned too much or too little, and which figures say so."""
    if results := results_or_none(run):
        st.markdown(literal(f"{results.fit.sentence} {results.promise}"))
