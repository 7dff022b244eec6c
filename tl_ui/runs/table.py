"""Table of all runs, and the actions for those that are ticked."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.records import Run, RunState
from tl_core.runs.comparison import MOST_COMPARED
from tl_core.runs.summary import backbone_title, depth_words, is_busy, seconds_taken
from tl_core.text import duration, number_of, visible
from tl_ui.navigation import go
from tl_ui.resources import get_workspace
from tl_ui.run.overview import STATES
from tl_ui.runs.deletion import ask_to_delete
from tl_ui.setting_labels import choice_words

# Text cells of a dataframe show neither icons nor colours, so `STATES` does not serve here.
_MARKS = {
    RunState.QUEUED: "…",
    RunState.RUNNING: "▶",
    RunState.PAUSED: "‖",
    RunState.COMPLETED: "✓",
    RunState.FAILED: "✗",
    RunState.CANCELLED: "■",
    RunState.INTERRUPTED: "!",
}


def show_runs(runs: Sequence[Run]) -> None:
    """Draw the table, which is refreshed while a run is queued or running."""
    any_busy = any(is_busy(run) for run in runs)
    # Not more often: a refresh reads all runs, and costs the one that trains some speed.
    st.fragment(_show_runs, run_every=2 if any_busy else None)(
        [run.id for run in in_order(runs)], any_busy
    )


def _show_runs(ids: list[str], any_busy: bool) -> None:
    runs = in_order(get_workspace().store.list_runs())
    # Rows or the refresh interval have changed: both are fixed for this fragment.
    if [run.id for run in runs] != ids or any_busy != any(is_busy(run) for run in runs):
        st.rerun()
    # Above the table, but filled below, once it is known which rows are ticked.
    actions = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    # Streamlit remembers ticks by row number, so that other runs need another table.
    key = f"runs-{sha256(' '.join(ids).encode()).hexdigest()[:12]}"
    chosen = st.dataframe(
        run_rows(runs),
        key=key,
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_columns(ids),
        # By itself Streamlit shows ten rows and scrolls the others.
        height=min(38 + 36 * len(runs), 640),
        row_height=36,
        alt="All runs, the newest first",
    )["selection"]["rows"]
    open_clicked_run()
    ticked = [runs[row] for row in chosen]
    with actions:
        _show_compare(ticked)
        _show_delete(ticked)


def in_order(runs: Sequence[Run]) -> list[Run]:
    """Return favourites first and otherwise keep the order, which is the newest first."""
    # `sorted` is stable, so that both groups keep the order they come in.
    return sorted(runs, key=lambda run: not run.is_favourite)


def _show_compare(chosen: Sequence[Run]) -> None:
    """Draw the button always, if disabled, so that readers learn of comparisons."""
    icon = ":material/compare_arrows:"
    if not 2 <= len(chosen) <= MOST_COMPARED:
        words = f"Tick from 2 to {MOST_COMPARED} runs."
        st.button("Compare", icon=icon, disabled=True, help=words)
    elif st.button(f"Compare {number_of(len(chosen), 'run')}", icon=icon, type="primary"):
        go("compare", runs=",".join(run.id for run in chosen))


def _show_delete(chosen: Sequence[Run]) -> None:
    """Draw the button always, so that the table below keeps its place when a run is ticked."""
    is_any_running = any(run.state is RunState.RUNNING for run in chosen)
    label = f"Delete {number_of(len(chosen), 'run')}…" if len(chosen) > 1 else "Delete…"
    words = "Stop it first: a run that is running cannot be deleted." if is_any_running else None
    is_disabled = is_any_running or not chosen
    if st.button(label, icon=":material/delete:", disabled=is_disabled, help=words):
        ask_to_delete(chosen)


def open_column(ids: list[str], key: str) -> Any:
    """Return a column of buttons that open the run of their row.

    The page has to call `open_clicked_run` below the table.
    """

    # Callbacks run before the script, in which `open_clicked_run` then changes the page.
    def choose() -> None:
        st.session_state["open-run"] = ids[st.session_state[key]["row"]]

    return st.column_config.ButtonColumn(
        "Page", width=72, type="tertiary", key=key, on_click=choose
    )


def open_clicked_run() -> None:
    """Go to the run whose button in the table was clicked."""
    if chosen := st.session_state.pop("open-run", None):
        go("run", run=chosen)


def run_rows(runs: Sequence[Run], now: float | None = None) -> list[dict[str, Any]]:
    """Return the rows of the table, without annotation columns that are empty everywhere."""
    used = {
        "★": any(run.is_favourite for run in runs),
        "Name": any(run.title for run in runs),
        "Tags": any(run.tags for run in runs),
    }
    rows = [run_row(run, now) for run in runs]
    return [{name: cell for name, cell in row.items() if used.get(name, True)} for row in rows]


def run_row(run: Run, now: float | None = None) -> dict[str, Any]:
    """Return a run's row in the table; `None` where there is no value."""
    result = run.result
    taken = seconds_taken(run, time.time() if now is None else now)
    return {
        "": "Open",
        "★": "★" if run.is_favourite else "",
        "State": f"{_MARKS[run.state]} {_state_words(run)}",
        "Dataset": visible(run.dataset_name),
        "Name": visible(run.title),
        "Test accuracy": 100 * result.accuracy if result else None,
        "n": result.n if result else None,
        "Backbone": backbone_title(run.config.model),
        "Depth": depth_words(run.config.model),
        "Optimizer": choice_words(run.config.train.optimizer),
        "Epochs": f"{run.epochs_done} of {run.config.train.epochs}",
        "Validation accuracy": None if run.val_accuracy is None else 100 * run.val_accuracy,
        "Time": None if taken is None else duration(taken),
        # The column shows it in the reader's time zone, which need not be the server's.
        "Started": datetime.fromtimestamp(run.started_at or run.created_at, UTC),
        "Tags": list(run.tags),
        "Run": run.id,
    }


def _state_words(run: Run) -> str:
    word = STATES[run.state][0]
    if run.state is RunState.RUNNING and run.progress:
        # The first word of the stage is all that the column has room for.
        return f"{run.progress.stage.split()[0]} {100 * run.progress.fraction:.0f} %"
    return word


def _columns(ids: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        "": open_column(ids, "open-clicked"),
        "★": column.TextColumn(width=36, help="Favourites; they stand first."),
        "State": column.TextColumn(width=140),
        "Name": column.TextColumn(
            width=140, help="Name that people here gave it; it can be changed on its page."
        ),
        "Tags": column.ListColumn(help="They can be changed on the run's page."),
        "Dataset": column.TextColumn(width=140),
        "Test accuracy": column.NumberColumn(
            format="%.1f %%", help=f"{GLOSSARY['accuracy']} {GLOSSARY['test set']}"
        ),
        "n": column.NumberColumn(help="Test images that the accuracy was measured on."),
        "Backbone": column.TextColumn(help=GLOSSARY["backbone"]),
        "Depth": column.TextColumn(help=GLOSSARY["freeze"]),
        "Optimizer": column.TextColumn(width=210, help=GLOSSARY["optimizer"]),
        "Epochs": column.TextColumn(help=GLOSSARY["epoch"]),
        "Validation accuracy": column.NumberColumn(
            format="%.1f %%", help=f"Of the best epoch. {GLOSSARY['validation']}"
        ),
        "Time": column.TextColumn(
            help="Duration of the run without pauses; up to now if it is still running."
        ),
        "Started": column.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone=st.context.timezone),
        "Run": column.TextColumn(
            help="Id of the run: in the page's address and on the command line."
        ),
    }
