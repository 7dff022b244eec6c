"""List of all runs, and the actions for those that are ticked."""

import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import streamlit as st

from tl_core.records import Run, RunState
from tl_core.runs.comparison import MOST_COMPARED
from tl_core.runs.summary import is_busy
from tl_core.store import RunQuery, RunSummary
from tl_core.text import count, number_of
from tl_ui.choice import draw_again
from tl_ui.components.run_list import run_list
from tl_ui.navigation import go
from tl_ui.owners import owners_of
from tl_ui.queue import places_of
from tl_ui.resources import get_workspace
from tl_ui.runs.deletion import ask_to_delete
from tl_ui.runs.rows import rows_html

_AT_ONCE = 100
"""Rows that are drawn before the reader asks for more."""


def show_runs(found: Sequence[RunSummary]) -> None:
    """Draw the runs that passed the filters; refresh them while one is queued or running."""
    if not found:
        st.markdown("No run matches the search and filters.")
        return
    ids = [run.id for run in found]
    any_busy = any(is_busy(run) for run in found[: _n_shown(ids)])
    # Not more often: a refresh costs the run that trains some speed.
    st.fragment(_show_runs, run_every=2 if any_busy else None)(ids, any_busy)


def _key(ids: Sequence[str]) -> str:
    """Return the key of a list; other runs make another list, in which nothing is ticked."""
    return f"runs-{sha256(' '.join(ids).encode()).hexdigest()[:12]}"


def _n_shown(ids: Sequence[str]) -> int:
    shown: int = st.session_state.get(f"{_key(ids)}-shown", _AT_ONCE)
    return shown


def _show_runs(ids: list[str], any_busy: bool) -> None:
    key = _key(ids)
    shown = _n_shown(ids)
    # Only what is drawn is read, since there may be thousands.
    drawn = ids[:shown]
    stored = {run.id: run for run in get_workspace().store.list_runs(RunQuery(ids=tuple(drawn)))}
    runs = [stored[run_id] for run_id in drawn if run_id in stored]
    # A run is gone, or the refresh interval has changed: both are fixed for this fragment.
    if len(runs) < len(drawn) or any_busy != any(is_busy(run) for run in runs):
        draw_again()
    # Above the list, but filled below, once it is known which rows are ticked.
    actions = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    owners = owners_of(run.owner for run in runs)
    html = rows_html(runs, time.time(), places_of(runs), owners)
    chosen = set(run_list(html, key=key))
    ticked = [run for run in runs if run.id in chosen]
    with actions:
        _show_compare(ticked)
        _show_delete(ticked)
    if len(ids) > shown and st.button(f"Show more ({count(len(ids) - shown)} left)"):
        st.session_state[f"{key}-shown"] = shown + 2 * _AT_ONCE
        # The whole page, since the refresh depends on what is shown.
        st.rerun()


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
