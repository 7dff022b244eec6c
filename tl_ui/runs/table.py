"""All runs in a table, and what can be done with those that are ticked."""

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
from tl_ui.train.widgets import choice_words

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
    """The table, kept up to date while a run is unfinished."""
    any_busy = any(is_busy(run) for run in runs)
    st.fragment(_show_runs, run_every=2 if any_busy else None)(
        [run.id for run in in_order(runs)], any_busy
    )


def _show_runs(ids: list[str], any_busy: bool) -> None:
    runs = in_order(get_workspace().store.list_runs())
    if [run.id for run in runs] != ids or any_busy != any(is_busy(run) for run in runs):
        st.rerun()
    actions = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    # Ticks are kept by their place in the table: other runs in it are another table.
    key = f"runs-{sha256(' '.join(ids).encode()).hexdigest()[:12]}"
    chosen = st.dataframe(
        run_rows(runs),
        key=key,
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_columns(ids),
        height=min(38 + 36 * len(runs), 640),
        row_height=36,
        alt="All runs, the newest first",
    )["selection"]["rows"]
    open_clicked_run()
    with actions:
        _show_compare([runs[place] for place in chosen])
        _show_delete([runs[place] for place in chosen])


def in_order(runs: Sequence[Run]) -> list[Run]:
    """Favourites first; else as they come, the newest first."""
    return sorted(runs, key=lambda run: not run.is_favourite)


def _show_compare(chosen: Sequence[Run]) -> None:
    """Always there, so that one knows of it."""
    n, enough = len(chosen), 2 <= len(chosen) <= MOST_COMPARED
    if st.button(
        f"Compare {number_of(n, 'run')}" if enough else "Compare",
        icon=":material/compare_arrows:",
        type="primary" if enough else "secondary",
        disabled=not enough,
        help=None if enough else f"Tick from 2 to {MOST_COMPARED} runs.",
    ):
        go("compare", runs=",".join(run.id for run in chosen))


def _show_delete(chosen: Sequence[Run]) -> None:
    """Always of one height, so that the table does not move away from under the pointer."""
    is_any_running = any(run.state is RunState.RUNNING for run in chosen)
    if st.button(
        f"Delete {number_of(len(chosen), 'run')}…" if len(chosen) > 1 else "Delete…",
        icon=":material/delete:",
        disabled=is_any_running or not chosen,
        help="Stop it first: a run that is running cannot be deleted." if is_any_running else None,
    ):
        ask_to_delete(chosen)


def open_column(ids: list[str], key: str) -> Any:
    """A column of buttons that each open their row's run, once `open_clicked_run` is called."""

    def choose() -> None:
        st.session_state["open-run"] = ids[st.session_state[key]["row"]]

    return st.column_config.ButtonColumn(
        "Page", width=72, type="tertiary", key=key, on_click=choose
    )


def open_clicked_run() -> None:
    """Go to the run whose row's button was clicked."""
    if chosen := st.session_state.pop("open-run", None):
        go("run", run=chosen)


def run_rows(runs: Sequence[Run], now: float | None = None) -> list[dict[str, Any]]:
    """What the table says; columns that nobody has filled in are left out."""
    used = {
        "★": any(run.is_favourite for run in runs),
        "Name": any(run.title for run in runs),
        "Tags": any(run.tags for run in runs),
    }
    rows = [run_row(run, now) for run in runs]
    return [{name: cell for name, cell in row.items() if used.get(name, True)} for row in rows]


def run_row(run: Run, now: float | None = None) -> dict[str, Any]:
    """All there is to say of a run in the table; `None` where there is nothing."""
    result, taken = run.result, seconds_taken(run, time.time() if now is None else now)
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
        "Started": datetime.fromtimestamp(run.started_at or run.created_at, UTC),
        "Tags": list(run.tags),
        "Run": run.id,
    }


def _state_words(run: Run) -> str:
    word = STATES[run.state][0]
    if run.state is RunState.RUNNING and run.progress:
        return f"{run.progress.stage.split()[0]} {100 * run.progress.fraction:.0f} %"
    return word


def _columns(ids: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        "": open_column(ids, "open-clicked"),
        "★": column.TextColumn(width=36, help="Favourites; they stand first."),
        "State": column.TextColumn(width=140),
        "Name": column.TextColumn(
            width=140, help="What people here call it; its page is where to change that."
        ),
        "Tags": column.ListColumn(help="Its page is where to change them."),
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
            help="All that the run took, pauses left out; until now, where it is going on."
        ),
        "Started": column.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone=st.context.timezone),
        "Run": column.TextColumn(
            help="Its id: the end of its address, and what the command line calls it."
        ),
    }
