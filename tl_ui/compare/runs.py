"""Runs beside each other: which they are, what differs, their figures, and which is really better."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.evaluation import wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.comparison import MOST_COMPARED, RunGroup, compare_runs, what_differs, why_apart
from tl_core.runs.summary import backbone_title, seconds_taken
from tl_core.text import count, duration, number_of, share, shorten, visible
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.run.overview import STATES
from tl_ui.runs.table import open_clicked_run, open_column
from tl_ui.train.widgets import label, value_words

_LABEL_LENGTH = 40
"""Of characters: what a legend has room for on a phone."""
_MOST_IN_LABEL = 3


def open_comparison() -> list[Run]:
    """The runs that the address names; with fewer than two the page says what would be here, and ends."""
    wanted = list(dict.fromkeys(filter(None, st.query_params.get("runs", "").split(","))))
    found, missing = [], []
    for run_id in wanted[:MOST_COMPARED]:
        try:
            found.append(get_workspace().store.get_run(run_id))
        except TransferLabError:
            missing.append(run_id)
    if missing:
        names = ", ".join(f"**{literal(shorten(run_id, 20))}**" for run_id in missing)
        st.warning(f"There is no run {names}: it may have been deleted.", icon=":material/error:")
    if len(wanted) > MOST_COMPARED:
        st.warning(
            f"{len(wanted)} runs are too many: the first {MOST_COMPARED} are shown.",
            icon=":material/error:",
        )
    if len(found) < 2:
        st.markdown(
            f"Here two to {MOST_COMPARED} runs stand side by side. Tick them in the list of runs."
        )
        link("runs", "Choose runs", icon=":material/list:", primary_key="choose")
        st.stop()
    return found


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """By id, what to call each run: its title, else what sets it apart from the others. User text, each once."""
    taken = _names(runs)
    named = zip(runs, taken, strict=True)
    return {
        run.id: name if taken.count(name) == 1 else f"{shorten(name, 28)} ({run.id})"
        for run, name in named
    }


def _names(runs: Sequence[Run]) -> list[str]:
    """With as few of the settings in which they differ as tell them apart, as far as they can be."""
    differ = list(differing(runs).items())[:_MOST_IN_LABEL]
    ways = []
    for n in range(len(differ) + 1):
        own = [
            ", ".join(_value(name, words[place]) for name, words in differ[:n])
            for place in range(len(runs))
        ]
        named = zip(runs, own, strict=True)
        names = [run.title or name or run.dataset_name for run, name in named]
        ways.append([visible(shorten(name, _LABEL_LENGTH)) for name in names])
    return max(ways, key=lambda names: len(set(names)))


def _value(name: str, words: str) -> str:
    """A value that says of what it is one."""
    return words if name in ("Dataset", "Backbone") else f"{name.lower()} {words}"


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """By setting, in words, every run's value, where not all have the same. User text."""
    differ = {}
    for name, values in what_differs(runs).items():
        if name == "dataset_id":
            differ["Dataset"] = [visible(run.dataset_name) for run in runs]
        elif name == "backbone":
            differ["Backbone"] = [visible(backbone_title(run.config.model)) for run in runs]
        else:
            differ[label(name)] = [value_words(name, value) for value in values]
    return differ


def show_table(runs: Sequence[Run]) -> None:
    """The figure that counts, what differs, then the other figures, a row a run."""
    labels, differ = run_labels(runs), differing(runs)
    rows = [
        {
            "": "Open",
            "Name": labels[run.id],
            **_accuracy(run),
            **{name: values[place] for name, values in differ.items()},
            **_figures(run),
        }
        for place, run in enumerate(runs)
    ]
    words = ", ".join(literal(name.lower()) for name in list(differ)[:8])
    more = f" and {number_of(len(differ) - 8, 'more setting')}" if len(differ) > 8 else ""
    st.markdown(f"They differ in {words}{more}." if differ else "They have the same settings.")
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        column_config=_columns([run.id for run in runs]),
        alt="The compared runs, what differs and their figures",
    )
    open_clicked_run()


def _accuracy(run: Run) -> dict[str, Any]:
    result = run.result
    interval = wilson_interval(round(result.accuracy * result.n), result.n) if result else None
    return {
        "Test accuracy": 100 * result.accuracy if result else None,
        "from, to": f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %" if interval else None,
        "n": result.n if result else None,
    }


def _figures(run: Run) -> dict[str, Any]:
    result, taken = run.result, seconds_taken(run)
    return {
        "Macro F1": 100 * result.f1_macro if result else None,
        "Test loss": result.loss if result else None,
        "Weights that learn": run.facts.trainable_parameters,
        "Time": None if taken is None else duration(taken),
        "State": STATES[run.state][0],
        "Run": run.id,
    }


def _columns(ids: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        "": open_column(ids, "open-compared"),
        "Name": column.TextColumn(width="medium"),
        "Test accuracy": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"
        ),
        "from, to": column.TextColumn(
            width=84, help=f"Of the test accuracy. {GLOSSARY['interval']}"
        ),
        "n": column.NumberColumn(help="Test images that the figures were measured on."),
        "Macro F1": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['F1']} {GLOSSARY['macro']}"
        ),
        "Test loss": column.NumberColumn(format="%.3f", help=GLOSSARY["loss"]),
        "Weights that learn": column.NumberColumn(
            format="localized", help="Parameters that training changes."
        ),
        "Time": column.TextColumn(
            help="All that the model took, without pauses; with the run that it carries on from."
        ),
    }


def show_verdicts(runs: Sequence[Run]) -> list[RunGroup]:
    """Which are really better, in words; gives the groups of runs that were tested on the same images."""
    tested = [run for run in runs if run.result]
    labels = run_labels(runs)
    st.header(
        "Is one really better?",
        help="Two tests on the same images: McNemar's, and an interval of the difference from resampling the images "
        "(bootstrap), or from a formula (Bonett and Price) where that is wider. Only where both agree is a difference "
        "called real; where only the interval leaves out 0, it is not certain.",
        anchor=False,
    )
    if untested := [run for run in runs if not run.result]:
        names = ", ".join(f"**{literal(labels[run.id])}**" for run in untested)
        st.markdown(f"Not tested, and so not ranked: {names}.")
    if len(tested) < 2:
        st.markdown("Fewer than two of them were tested: there is nothing to compare.")
        return []
    try:
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
    """For Markdown."""
    best, n = (
        f"**{literal(labels[group.best.id])}**",
        group.best.result.n if group.best.result else 0,
    )
    if not group.others:
        return f"{best} stands alone: no other was tested on its {number_of(n, 'image')}."
    lines = [
        f"- Beside **{literal(labels[run.id])}**: {found.say('the first', 'this one')}"
        for run, found in group.others
    ]
    real = sum(found.is_real and found.difference > 0 for _, found in group.others)
    all_others, any_other = (
        ("all others", "any") if len(group.others) > 1 else ("the other", "the other")
    )
    verdict = "is really better than " + (
        all_others if real == len(group.others) else f"{count(real)} of the others"
    )
    is_uncertain = any(found.is_uncertain for _, found in group.others)
    no_better = "it is not certain that it is" if is_uncertain else "is not"
    head = f"On the same {number_of(n, 'test image')} {best} was right most often, " + (
        f"and {verdict}:" if real else f"but {no_better} really better than {any_other}:"
    )
    head = _tie_words(group, labels) or head
    return "\n".join([head, "", *lines, "", group.correction]).rstrip()


def _tie_words(group: RunGroup, labels: dict[str, str]) -> str:
    """For Markdown: who was right just as often; nothing where one was right more often than all others."""
    result, tied = group.best.result, group.tied
    if result is None or len(tied) < 2:
        return ""
    *first, last = (f"**{literal(labels[run.id])}**" for run in tied)
    right = f"{share(round(result.accuracy * result.n), result.n)} test images"
    beside = "" if len(tied) == 2 == len(group.others) + 1 else f" Beside {first[0]}:"
    return f"{', '.join(first)} and {last} tie: each was right on {right}.{beside}"
