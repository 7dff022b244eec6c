"""Verdict on compared runs: which are shown to be better, and which differences are possible."""

from collections.abc import Sequence

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.runs.comparison import RunGroup, compare_runs, why_apart
from tl_core.text import count, number_of, share
from tl_ui.compare.runs import run_labels
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace


def show_verdicts(runs: Sequence[Run]) -> list[RunGroup]:
    """Draw which runs are significantly better, in words.

    Returns:
        The groups of runs that were tested on the same images.
    """
    tested = [run for run in runs if run.result]
    labels = run_labels(runs)
    st.header(
        "Statistical significance",
        help="Two tests on the same images: McNemar's test, and an interval of the difference by "
        "resampling the images (bootstrap) or by a formula (Bonett and Price) where that is wider. "
        "A difference counts as shown only if both agree; if only the interval leaves out 0, it is "
        "not certain. Possible are the differences within the 95 % interval.",
        anchor=False,
    )
    st.caption("Is one really better, or only luckier with these test images?")
    if untested := [run for run in runs if not run.result]:
        names = ", ".join(f"**{literal(labels[run.id])}**" for run in untested)
        st.markdown(f"Not tested, and so not ranked: {names}.")
    if len(tested) < 2:
        st.markdown("Fewer than two of them were tested: there is nothing to compare.")
        return []
    try:
        # Fails where a run has been deleted since `open_comparison` read it.
        groups = compare_runs(get_workspace().store, [run.id for run in tested])
    except TransferLabError as error:
        st.warning(literal(str(error)), icon=":material/error:")
        return []
    if why := why_apart(groups):
        st.warning(why, icon=":material/info:")
    for group in groups:
        st.markdown(verdict_words(group, labels))
    return groups


def verdict_words(group: RunGroup, labels: dict[str, str]) -> str:
    """Return the verdict on a group of runs as Markdown, with a line for each comparison."""
    if not group.others:
        n = group.best.result.n if group.best.result else 0
        best = f"**{literal(labels[group.best.id])}**"
        return f"{best} stands alone: no other was tested on its {number_of(n, 'image')}."
    first = f"**{literal(labels[group.best.id])}**"
    names = [f"**{literal(labels[run.id])}**" for run, _ in group.others]
    said = [
        comparison.say(first, name)
        for name, (_, comparison) in zip(names, group.others, strict=True)
    ]
    head = _tie_words(group, labels)
    if len(said) == 1:
        return f"{head or _more_often_words(group, first, names[0])} {said[0]}"
    lines = [f"- Beside {name}: {words}" for name, words in zip(names, said, strict=True)]
    return "\n".join([head or _winner_words(group, first), "", *lines, "", group.correction])


def _more_often_words(group: RunGroup, first: str, other: str) -> str:
    """Name the one of two runs that was right more often; both names are Markdown."""
    n = group.best.result.n if group.best.result else 0
    return f"On the same {number_of(n, 'test image')} {first} was right more often than {other}."


def _winner_words(group: RunGroup, first: str) -> str:
    """Name the best of several runs, and how many it is shown to be better than.

    Args:
        first: name of the best run as Markdown.
    """
    n = group.best.result.n if group.best.result else 0
    comparisons = [comparison for _, comparison in group.others]
    n_worse = sum(each.is_real and each.difference > 0 for each in comparisons)
    if n_worse == len(comparisons):
        verdict = "and is shown to be better than all others:"
    elif n_worse:
        verdict = f"and is shown to be better than {count(n_worse)} of the others:"
    else:
        verdict = "but is not shown to be better than any other:"
    return f"On the same {number_of(n, 'test image')} {first} was right most often, {verdict}"


def _tie_words(group: RunGroup, labels: dict[str, str]) -> str:
    """Name the runs that were right equally often, as Markdown; empty if there is one winner."""
    result = group.best.result
    tied = group.tied
    if result is None or len(tied) < 2:
        return ""
    *first, last = (f"**{literal(labels[run.id])}**" for run in tied)
    right = f"{share(round(result.accuracy * result.n), result.n)} test images"
    return f"{', '.join(first)} and {last} tie: each was right on {right}."
