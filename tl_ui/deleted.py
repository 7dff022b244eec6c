"""Line with Undo after a deletion, and the buttons of every confirmation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tl_core.bin import DAYS_KEPT, restore
from tl_core.errors import TransferLabError
from tl_ui.choice import choose
from tl_ui.components.address import page_path
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace

_DELETED = "just-deleted"
"""Session key of the last `Deletion`."""
_PAGE = "just-deleted-page"
"""Session key of the path of the page that shows it."""
_SECONDS_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Deletion:
    ids: tuple[str, ...]
    what: str
    """Markdown, such as `3 runs`."""
    at: float
    """Seconds since the epoch."""


def note_deletion(ids: Sequence[str], what: str) -> None:
    """Have the next page offer to undo a deletion; another one takes its place."""
    st.session_state[_DELETED] = Deletion(tuple(ids), what, time.time())
    st.session_state.pop(_PAGE, None)


def offer_undo() -> None:
    """Draw the line with Undo on the first page after a deletion, for at most ten minutes."""
    deletion: Deletion | None = st.session_state.get(_DELETED)
    if deletion is None:
        return
    page = st.session_state.setdefault(_PAGE, page_path())
    if page != page_path() or time.time() - deletion.at > _SECONDS_SHOWN:
        del st.session_state[_DELETED]
        return
    # The style sheet keeps it in view, wherever the page is scrolled to.
    with st.container(horizontal=True, vertical_alignment="center", key="undo", border=True):
        st.markdown(
            f"{deletion.what} moved to the bin, kept for {DAYS_KEPT} days.", width="content"
        )
        if st.button("Undo", icon=":material/undo:", key="undo-deletion"):
            _undo(deletion)
        link("bin", "Open the bin", icon=":material/restore_from_trash:")
        if st.button("Dismiss", icon=":material/close:", key="dismiss-deletion", type="tertiary"):
            del st.session_state[_DELETED]
            st.rerun()


def _undo(deletion: Deletion) -> None:
    del st.session_state[_DELETED]
    try:
        restored = [restore(get_workspace(), record_id) for record_id in deletion.ids]
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    if restored[0].kind == "dataset":
        choose("dataset", restored[0].id)
    st.rerun()


def confirm_buttons(label: str) -> bool:
    """Draw Cancel and a button that does not look like the next step; return if it was pressed.

    Call it in a dialog, which Cancel closes.
    """
    with st.container(horizontal=True, horizontal_alignment="right"):
        # A dialog is closed by a rerun of the page.
        if st.button("Cancel", key="cancel-deletion"):
            st.rerun()
        return st.button(label, icon=":material/delete:", key="confirm-deletion")
