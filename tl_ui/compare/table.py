"""Table of the compared runs, which is a list of cards on a phone, and what their costs mean."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tl_core.evaluation import wilson_interval
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.cost import circumstances, training_cost
from tl_core.runs.summary import seconds_taken
from tl_core.text import count, duration, number_of, percent
from tl_ui.compare.runs import differing, run_labels
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.run.overview import STATES
from tl_ui.runs.table import open_clicked_run, open_column

_MOST_NAMED = 8
"""Most differing settings that are named above the table."""


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
    # The style sheet shows one of the two by the width of the window.
    with st.container(key="phone-only-runs"):
        for place, run in enumerate(runs):
            _show_card(run, labels[run.id], {k: values[place] for k, values in differ.items()})
    with st.container(key="wide-only-runs"):
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="–",
            column_config=_columns([run.id for run in runs]),
            alt="The compared runs, what differs and their figures",
        )
    open_clicked_run()


def _show_card(run: Run, name: str, settings: dict[str, str]) -> None:
    """Draw what a row of the table holds, with the test accuracy right below the name.

    Args:
        name: label of the run, which is user text.
        settings: values of the settings that differ, by name; both are user text.
    """
    with st.container(border=True, gap="xsmall"):
        link("run", f"**{literal(name)}**", run=run.id)
        st.markdown(_accuracy_words(run))
        if settings:
            st.caption(" · ".join(literal(f"{k}: {value}") for k, value in settings.items()))
        st.caption(" · ".join(_figure_words(run)))


def _accuracy_words(run: Run) -> str:
    result = run.result
    if not result:
        return f"Not tested: {STATES[run.state][0]}"
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    return (
        f"Test accuracy **{percent(result.accuracy)}** ({100 * low:.0f} to {100 * high:.0f} %) "
        f"of {number_of(result.n, 'image')}"
    )


def _figure_words(run: Run) -> list[str]:
    result = run.result
    words = []
    if result:
        words = [f"macro F1 {percent(result.f1_macro)}", f"test loss {result.loss:.3f}"]
    if run.facts.trainable_parameters is not None:
        words.append(f"{count(run.facts.trainable_parameters)} trainable parameters")
    cost = training_cost(run)
    if cost is not None:
        words.append(f"training cost {duration(cost)}")
    taken = seconds_taken(run)
    if taken is not None:
        words.append(f"took {duration(taken)}")
    return [*words, f"run `{run.id}`"]


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
        return {"Test accuracy": None, "95 % interval": None, "n": None}
    low, high = wilson_interval(round(result.accuracy * result.n), result.n)
    return {
        "Test accuracy": 100 * result.accuracy,
        "95 % interval": f"{100 * low:.0f}–{100 * high:.0f} %",
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
        "State": STATES[run.state][0],
        "Run": run.id,
    }


def _columns(ids: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        "": open_column(ids, "open-compared"),
        "Name": column.TextColumn(pinned=True),
        "Test accuracy": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"
        ),
        "95 % interval": column.TextColumn(
            width=104, help=f"Of the test accuracy. {GLOSSARY['interval']}"
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
            "from. Work that an earlier run has done shortens it, and other programs lengthen it."
        ),
    }


def cost_words(runs: Sequence[Run], labels: dict[str, str]) -> str:
    """Say, as Markdown, why the clock and the cost of runs differ, and whose cost is not known."""
    told = [
        f"**{literal(labels[run.id])}** took {', and '.join(found)}"
        for run in runs
        if (found := circumstances(run))
    ]
    sentences = []
    if told:
        # Not "slower": of two runs, both can have been held up, and neither is compared here.
        sentences = [
            f"Time on the clock is not that of the work alone: {'; '.join(told)}.",
            "The training cost leaves this out, so that runs can be compared.",
        ]
    if unknown := [run for run in runs if run.result and training_cost(run) is None]:
        names = ", ".join(f"**{literal(labels[run.id])}**" for run in unknown)
        sentences.append(f"The cost is not known, and so not drawn, for {names}.")
    return " ".join(sentences)
