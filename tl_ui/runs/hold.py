"""Holding of the queue by those who lead, and the note for everyone that it is held."""

import streamlit as st

from tl_ui.queue import hold
from tl_ui.resources import get_workspace


def show_hold(anything_waits: bool) -> None:
    """Say that the queue is held, and offer to hold it or to let it go on."""
    workspace = get_workspace()
    is_held = workspace.store.is_queue_held()
    if is_held:
        st.warning(
            "The queue is held: no run starts until it goes on. What is running goes on.",
            icon=":material/pause_circle:",
        )
    if not workspace.person.leads or not (is_held or anything_waits):
        return
    st.button(
        "Let the queue go on" if is_held else "Hold the queue",
        icon=":material/play_arrow:" if is_held else ":material/pause_circle:",
        type="tertiary",
        key=f"hold-{is_held}",
        on_click=hold,
        args=(not is_held,),
        help=None if is_held else "No more runs start then; what is running goes on.",
    )
