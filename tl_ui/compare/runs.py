"""Comparison of runs: names, differing settings, figures and significance tests."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.evaluation import wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.comparison import MOST_COMPARED, RunGroup, compare_runs, what_differs, why_apart
from tl_core.runs.cost import circumstances, training_cost
from tl_core.runs.summary import backbone_title, seconds_taken
from tl_core.text import count, duration, number_of, share, shorten, visible
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.run.overview import STATES
from tl_ui.runs.table import open_clicked_run, open_column
from tl_ui.setting_labels import label, value_words

_LABEL_LENGTH = 40
"""Most characters of a label; a legend has no room for more on a phone."""
_MOST_IN_LABEL = 3
"""Most settings in a label."""
_MOST_NAMED = 8
"""Most differing settings that are named above the table."""


def open_comparison() -> list[Run]:
    """Return the runs that the address names; with fewer than two, explain the page and end it."""
    # Without duplicates, in the order of the address.
    wanted = list(dict.fromkeys(filter(None, st.query_params.get("runs", "").split(","))))
    runs = []
    missing = []
    for run_id in wanted[:MOST_COMPARED]:
        try:
            runs.append(get_workspace().store.get_run(run_id))
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
    if len(runs) < 2:
        st.markdown(
            f"Here two to {MOST_COMPARED} runs are compared side by side. "
            "Tick them in the list of runs."
        )
        link("runs", "Choose runs", icon=":material/list:", primary_key="choose")
        st.stop()
    return runs


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return a different label for each run, by id: its title, else what sets it apart.

    Labels are user text.
    """
    names = _names(runs)
    return {
        # The id makes equal names different; 28 characters leave room for it.
        run.id: name if names.count(name) == 1 else f"{shorten(name, 28)} ({run.id})"
        for run, name in zip(runs, names, strict=True)
    }


def _names(runs: Sequence[Run]) -> list[str]:
    """Name runs by the fewest differing settings that tell most of them apart."""
    differ = list(differing(runs).items())[:_MOST_IN_LABEL]
    candidates = []
    for n in range(len(differ) + 1):
        names = []
        for place, run in enumerate(runs):
            settings = ", ".join(_value(name, words[place]) for name, words in differ[:n])
            name = run.title or settings or run.dataset_name
            # Not escaped: tables, charts and Markdown each do that in their own way.
            names.append(visible(shorten(name, _LABEL_LENGTH)))
        candidates.append(names)
    # `max` keeps the first of equals, which has the fewest settings.
    return max(candidates, key=lambda names: len(set(names)))


def _value(name: str, words: str) -> str:
    """Return a value with the name of its setting, unless the value speaks for itself."""
    return words if name in ("Dataset", "Backbone") else f"{name.lower()} {words}"


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return every run's value in words, by setting, where they differ; both are user text."""
    differ = {}
    for name, values in what_differs(runs).items():
        # An id is a fingerprint, which says nothing to a reader.
        if name == "dataset_id":
            differ["Dataset"] = [visible(run.dataset_name) for run in runs]
        elif name == "backbone":
            differ["Backbone"] = [visible(backbone_title(run.config.model)) for run in runs]
        else:
            differ[label(name)] = [value_words(name, value) for value in values]
    return differ


def show_table(runs: Sequence[Run]) -> None:
    """Draw a row per run: test accuracy, differing settings, then the other figures."""
    labels = run_labels(runs)
    differ = differing(runs)
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
    st.markdown(_differ_words(list(differ)))
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        column_config=_columns([run.id for run in runs]),
        alt="The compared runs, what differs and their figures",
    )
    open_clicked_run()


def _differ_words(names: Sequence[str]) -> str:
    if not names:
        return "They have the same settings."
    words = ", ".join(literal(name.lower()) for name in names[:_MOST_NAMED])
    n_more = len(names) - _MOST_NAMED
    more = f" and {number_of(n_more, 'more setting')}" if n_more > 0 else ""
    return f"They differ in {words}{more}."


def _accuracy(run: Run) -> dict[str, Any]:
    result = run.result
    if not result:
        return {"Test accuracy": None, "from, to": None, "n": None}
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    return {
        "Test accuracy": 100 * result.accuracy,
        "from, to": f"{100 * low:.0f}–{100 * high:.0f} %",
        "n": result.n,
    }


def _figures(run: Run) -> dict[str, Any]:
    result = run.result
    taken = seconds_taken(run)
    cost = training_cost(run)
    return {
        "Macro F1": 100 * result.f1_macro if result else None,
        "Test loss": result.loss if result else None,
        "Trainable parameters": run.facts.trainable_parameters,
        "Training cost": None if cost is None else duration(cost),
        "Time": None if taken is None else duration(taken),
        "Measured with": ", ".join(circumstances(run)) or None,
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
        "Trainable parameters": column.NumberColumn(
            format="localized", help="Weights that training changes; frozen ones do not count."
        ),
        "Training cost": column.TextColumn(help=GLOSSARY["training cost"]),
        "Time": column.TextColumn(
            help="Duration on the clock, without pauses, with that of the run that it carries on "
            "from. A warm cache shortens it, and a busy machine lengthens it."
        ),
        "Measured with": column.TextColumn(
            help="What shortened or lengthened the time on the clock; the training cost counts "
            "neither."
        ),
    }


def cost_words(runs: Sequence[Run], labels: dict[str, str]) -> str:
    """Say, as Markdown, what runs were measured with, and whose cost is not known."""
    told = [
        f"**{literal(labels[run.id])}**: {', '.join(found)}"
        for run in runs
        if (found := circumstances(run))
    ]
    sentences = []
    if told:
        sentences.append(f"Not counted in it: {'; '.join(told)}.")
    if unknown := [run for run in runs if run.result and training_cost(run) is None]:
        names = ", ".join(f"**{literal(labels[run.id])}**" for run in unknown)
        sentences.append(f"Not known, and so not drawn, for {names}.")
    return " ".join(sentences)


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
        "A difference is called real only if both agree; if only the interval leaves out 0, it is "
        "not certain.",
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
    lines = [
        f"- Beside **{literal(labels[run.id])}**: {comparison.say('the first', 'this one')}"
        for run, comparison in group.others
    ]
    head = _tie_words(group, labels) or _winner_words(group, labels)
    # The correction is empty where there are only two runs.
    return "\n".join([head, "", *lines, "", group.correction]).rstrip()


def _winner_words(group: RunGroup, labels: dict[str, str]) -> str:
    """Name the run that was right most often, and how many it is significantly better than."""
    n = group.best.result.n if group.best.result else 0
    comparisons = [comparison for _, comparison in group.others]
    n_worse = sum(each.is_real and each.difference > 0 for each in comparisons)
    is_pair = len(comparisons) == 1
    if n_worse == len(comparisons):
        verdict = f"and is really better than {'the other' if is_pair else 'all others'}:"
    elif n_worse:
        verdict = f"and is really better than {count(n_worse)} of the others:"
    else:
        is_uncertain = any(each.is_uncertain for each in comparisons)
        no_better = "it is not certain that it is" if is_uncertain else "is not"
        verdict = f"but {no_better} really better than {'the other' if is_pair else 'any'}:"
    best = f"**{literal(labels[group.best.id])}**"
    return f"On the same {number_of(n, 'test image')} {best} was right most often, {verdict}"


def _tie_words(group: RunGroup, labels: dict[str, str]) -> str:
    """Name the runs that were right equally often, as Markdown; empty if there is one winner."""
    result = group.best.result
    tied = group.tied
    if result is None or len(tied) < 2:
        return ""
    *first, last = (f"**{literal(labels[run.id])}**" for run in tied)
    right = f"{share(round(result.accuracy * result.n), result.n)} test images"
    words = f"{', '.join(first)} and {last} tie: each was right on {right}."
    # The lines below compare with the first run; of two runs that is clear.
    is_pair = len(group.others) == 1
    return words if is_pair else f"{words} Beside {first[0]}:"
