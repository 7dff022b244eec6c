"""Queue of a class: what runs and what waits, with pausing, stopping and another order."""

from collections.abc import Mapping

import streamlit as st

from tl_core.records import Run, RunState
from tl_core.store.queries import RunQuery
from tl_core.text import about, number_of, percent, shorten
from tl_ui.classroom.words import member_word
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.owners import owners_of
from tl_ui.queue import hold, move, queue_with
from tl_ui.resources import get_workspace
from tl_ui.run.annotations import run_title
from tl_ui.runs.hold import show_hold

_MOST_SHOWN = 30


def show_queue() -> None:
    """Draw the queue; a fragment, which is drawn again every few seconds."""
    st.header("Queue", anchor=False)
    st.caption(
        f"One run trains at a time. The {member_word()}s take turns, however many runs each has."
    )
    st.fragment(_list, run_every=3)()


def _list() -> None:
    store = get_workspace().store
    running = store.list_running_runs()
    waiting = {run.id: run for run in store.list_runs(RunQuery(states=(RunState.QUEUED,)))}
    show_hold(bool(waiting))
    if not running and not waiting:
        st.markdown("Nothing runs or waits.")
        return
    order = [each.run_id for each in queue_with(next(iter(waiting)))] if waiting else []
    queued = [waiting[run_id] for run_id in order if run_id in waiting]
    names = owners_of(run.owner for run in [*running, *queued])
    for run in running:
        _show_row(run, _left_words(run), names, is_waiting=False)
    for place, run in enumerate(queued[:_MOST_SHOWN], start=1):
        _show_row(run, f"place {place}", names, is_waiting=True)
    hidden = len(queued) - _MOST_SHOWN
    if hidden > 0:
        st.caption(f"And {number_of(hidden, 'more run')} that wait.")
    st.button(
        "Pause all",
        icon=":material/pause_circle:",
        key="pause-all",
        on_click=_pause_all,
        args=([run.id for run in [*running, *queued]],),
        help="Holds the queue and pauses what runs, for example while you explain something. "
        "“Let the queue go on” starts the next; a paused run is resumed on its page.",
    )


def _show_row(run: Run, where: str, names: Mapping[str, str], *, is_waiting: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(names.get(run.owner, 'you'))}**  \n{where}", width=200)
        link("run", literal(shorten(run_title(run), 60)), run=run.id)
        st.space("stretch")
        # Together, so that on a phone they have a line of their own.
        with st.container(horizontal=True, width="content", gap="xsmall"):
            _show_actions(run, is_waiting=is_waiting)


def _show_actions(run: Run, *, is_waiting: bool) -> None:
    store = get_workspace().store
    if is_waiting:
        for where_to, label, icon in (
            ("front", "To the front", ":material/vertical_align_top:"),
            ("later", "Later", ":material/low_priority:"),
        ):
            st.button(
                label,
                icon=icon,
                key=f"{where_to}-{run.id}",
                on_click=move,
                args=(run.id, where_to),
                type="tertiary",
            )
    st.button(
        "Pause",
        icon=":material/pause:",
        key=f"pause-run-{run.id}",
        on_click=store.request_pause,
        args=(run.id,),
        type="tertiary",
    )
    st.button(
        "Stop",
        icon=":material/stop:",
        key=f"stop-run-{run.id}",
        on_click=store.request_cancel,
        args=(run.id,),
        type="tertiary",
        help="The run ends for good; what it has learned so far is kept.",
    )


def _left_words(run: Run) -> str:
    progress = run.progress
    if progress is None:
        return "running"
    if progress.seconds_left is None:
        return f"running, {percent(progress.fraction)} of {progress.stage}"
    return f"running, {about(progress.seconds_left)} left"


def _pause_all(run_ids: list[str]) -> None:
    hold(True)
    for run_id in run_ids:
        get_workspace().store.request_pause(run_id)
