"""Head of a run's page, its learning curves and how it ended."""

from typing import Any

import streamlit as st

from tl_core.errors import UnknownRun
from tl_core.glossary import GLOSSARY
from tl_core.records import Run, RunState
from tl_core.runs.curve_notes import training_line_words
from tl_core.runs.endings import what_is_kept, with_ending
from tl_core.runs.starts import first_start, resumed_words
from tl_core.runs.summary import caution, headline, is_busy, recipe_words, seconds_taken, when
from tl_core.text import count, duration, number_of, percent, shorten
from tl_ui.components.assets import url_base
from tl_ui.components.live_chart import Place, live_chart
from tl_ui.markdown import literal, whole_figures
from tl_ui.navigation import link
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.annotations import run_title, show_annotations
from tl_ui.run.images import predictions_after
from tl_ui.run.progress import show_notes
from tl_ui.run.results import results_or_none, show_fit

STATES = {
    RunState.QUEUED: ("waiting", ":material/hourglass_empty:", "gray"),
    RunState.RUNNING: ("running", ":material/play_arrow:", "violet"),
    RunState.PAUSED: ("paused", ":material/pause:", "gray"),
    RunState.COMPLETED: ("completed", ":material/check:", "green"),
    RunState.FAILED: ("failed", ":material/error:", "red"),
    RunState.CANCELLED: ("stopped", ":material/stop_circle:", "gray"),
    RunState.INTERRUPTED: ("interrupted", ":material/power_off:", "orange"),
}
"""Word, icon and colour of each state."""


def open_run() -> Run:
    """Return the run that the address names; without one, explain the page and end the script."""
    wanted = st.query_params.get("run", "")
    try:
        return get_workspace().store.get_run(wanted)
    except UnknownRun:
        st.title("No such run")
        if any(binned.id == wanted for binned in get_workspace().store.list_bin()):
            st.markdown("This run was deleted. It is in the bin and can be restored.")
            link("bin", "Open the bin", icon=":material/restore_from_trash:", primary_key="bin")
        elif wanted:
            st.markdown(
                f"There is no run **{literal(shorten(wanted, 40))}**. It may have been deleted."
            )
        else:
            st.markdown("A run's address ends in its id. The list has them all.")
        link("runs", "See all runs", icon=":material/list:", primary_key="runs")
        st.stop()


def show_head(run: Run) -> None:
    """Draw the title, and one line that says what was trained on what, when and where."""
    word, icon, colour = STATES[run.state]
    st.title(literal(shorten(run_title(run), 80)), anchor=False)
    parts = [f":{colour}-badge[{icon} {word}]"]
    # A run without a title of its own has the dataset's name above.
    if run.title:
        parts.append(literal(shorten(run.dataset_name, 60)))
    parts.append(literal(recipe_words(run.config)))
    parts.append(number_of(run.config.train.epochs, "epoch"))
    parts += _start_words(run)
    # Only at the end: the head is not refreshed meanwhile, and its time would stand still.
    if not is_busy(run) and (taken := seconds_taken(run)) is not None:
        parts.append(f"took {duration(taken)}")
    if run.facts.device:
        parts.append(f"on {literal(run.facts.device)}")
    parts.append(f"run `{run.id}`")
    st.markdown(" · ".join(parts))
    if before := run.facts.continues:
        link("run", f"Carries on from run {literal(before)}", icon=":material/history:", run=before)
    show_annotations(run)


def _start_words(run: Run) -> list[str]:
    """Say when a run was queued, or started and resumed."""
    timezone = st.context.timezone
    if run.started_at is None:
        return [f"queued {when(run.created_at, timezone)}"]
    first = first_start(run)
    started = f"started {when(first, timezone)}" if first is not None else ""
    return list(filter(None, (started, resumed_words(run, timezone))))


def chart_url(run: Run, kind: str, query: str = "") -> str:
    token = get_tokens().sign("run", run.id)
    # `MatrixView.query` ends in `&` unless it is empty.
    return f"{url_base()}/api/runs/{run.id}/charts/{kind}?{query}token={token}"


def show_learning_curves(run: Run) -> None:
    """Draw loss and accuracy over training; the charts follow a run that is under way."""
    st.subheader("Learning curves", help=GLOSSARY["learning curves"], anchor=False)
    st.caption("How loss and accuracy changed, epoch by epoch.")
    show_fit(run)
    left, right = st.columns(2, gap="medium")
    with left:
        words = f"{GLOSSARY['loss']} {GLOSSARY['epoch']}"
        st.caption("**Loss**: how wrong it is, step by step", help=words)
        draw_chart(run, "loss", "Loss by training step", height=340)
    with right:
        words = f"{GLOSSARY['accuracy']} {GLOSSARY['overfitting']}"
        st.caption("**Accuracy**: how often it is right, epoch by epoch", help=words)
        draw_chart(run, "accuracy", "Accuracy by epoch", height=340)
        if run.config.train.mixup or run.config.train.cutmix:
            st.caption(
                "There is no line for training: its images were mixed, "
                "so none of them has one right answer."
            )
    st.caption(training_line_words(run.config))
    with st.expander("Learning-rate schedule", icon=":material/show_chart:"):
        words = "How big the steps of the head were, epoch by epoch"
        st.caption(words, help=GLOSSARY["learning rate"])
        draw_chart(run, "learning-rate", "Learning rate by epoch", height=240)


def draw_chart(
    run: Run,
    kind: str,
    alt: str,
    height: int,
    query: str = "",
    *,
    clickable: bool = False,
    marked: Place | None = None,
) -> Any:
    """Draw one of the run's charts and return what was clicked in it, if it is clickable.

    Args:
        marked: cell of a matrix that gets an outline.
    """
    return live_chart(
        key=chart_key(run, kind, query),
        url=chart_url(run, kind, query),
        height=height,
        alt=alt,
        live=is_busy(run),
        clickable=clickable,
        marked=marked,
    )


def chart_key(run: Run, kind: str, query: str) -> str:
    # A component keeps its state by its key: another query makes another chart.
    return f"chart-{run.id}-{kind}-{query}"


def show_ending(run: Run) -> None:
    """Draw the test result in one sentence, or why there is none."""
    if run.result:
        words = f"{GLOSSARY['test set']} {GLOSSARY['interval']}"
        st.header(whole_figures(headline(run.result)), help=words, anchor=False)
        results = results_or_none(run)
        if results and (words := caution(run.result, run.config.model, results.fit.kind)):
            st.warning(words, icon=":material/info:")
    else:
        st.header(STATES[run.state][0].capitalize(), anchor=False)
        st.caption("Not tested, so there is no test figure.", help=GLOSSARY["test set"])
        _say_what_happened(run)
    show_notes(run)


def _say_what_happened(run: Run) -> None:
    show = {RunState.FAILED: st.error, RunState.PAUSED: st.info}.get(run.state, st.warning)
    ending = with_ending(get_workspace(), run).message
    show(literal(ending), icon=STATES[run.state][1])
    if run.state is RunState.FAILED:
        # The message of a failed run holds the error alone.
        st.markdown(what_is_kept(run))
    if run.epochs_done and (figures := _last_validation(run)):
        st.markdown(figures)


def _last_validation(run: Run) -> str:
    epoch, predictions = predictions_after(run.id, "val", run.epochs_done)
    if not predictions:
        return ""
    right = sum(p.is_right for p in predictions)
    n = len(predictions)
    return (
        f"After epoch {epoch} it was right on {count(right)} of {count(n)} validation images "
        f"({percent(right / n)})."
    )


def has_model(run: Run) -> bool:
    return run.best_epoch is not None and get_workspace().artifacts.checkpoint(run.id).exists()
