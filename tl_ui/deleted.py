"""Line with Undo after a deletion, and the buttons of every confirmation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tl_core.bin import DAYS_KEPT, restore
from tl_core.errors import TransferLabError
from tl_core.text import shorten
from tl_ui.choice import choose, chosen_or_newest
from tl_ui.components.address import page_path
from tl_ui.components.scroll import scroll_to_top
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace

_DELETED = "just-deleted"
"""Session key of the last `Deletion`."""
_PAGE = "just-deleted-page"
"""Session key of the path of the page that shows it."""
_RESTORED = "just-restored"
"""Session key of the `Deletion` that was undone last, until it has been said."""
_SECONDS_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Deletion:
    ids: tuple[str, ...]
    what: str
    """Markdown, such as `3 runs`."""
    at: float
    """Seconds since the epoch."""
    is_dataset: bool

    def words(self, one: str, many: str) -> str:
        """Return what was deleted with its verb, in the singular or the plural, as Markdown."""
        return f"{self.what} {one if len(self.ids) == 1 else many}"


def note_deletion(ids: Sequence[str], what: str, *, is_dataset: bool = False) -> None:
    """Have the next page offer to undo a deletion; another one takes its place.

    Args:
        what: what was deleted, as Markdown, such as `3 runs`.
        is_dataset: have the page name the dataset that it shows now.
    """
    st.session_state[_DELETED] = Deletion(tuple(ids), what, time.time(), is_dataset)
    st.session_state.pop(_PAGE, None)


def offer_undo() -> None:
    """Draw the line with Undo on the first page after a deletion, for at most ten minutes."""
    _say_restored()
    deletion: Deletion | None = st.session_state.get(_DELETED)
    if deletion is None:
        return
    page = st.session_state.setdefault(_PAGE, page_path())
    if page != page_path() or time.time() - deletion.at > _SECONDS_SHOWN:
        del st.session_state[_DELETED]
        return
    # The style sheet keeps it in view, wherever the page is scrolled to.
    with st.container(horizontal=True, vertical_alignment="center", key="undo", border=True):
        if deletion.is_dataset:
            # The reader was far down the page, which shows another dataset now.
            scroll_to_top(key="scroll-deletion", occasion=f"deletion {deletion.at}")
        kept = f"moved to the bin, kept for {DAYS_KEPT} days."
        st.markdown(
            f"{deletion.words('was', 'were')} {kept}{_shown_now(deletion)}", width="content"
        )
        if st.button("Undo", icon=":material/undo:", key="undo-deletion"):
            _undo(deletion)
        link("bin", "Open the bin", icon=":material/restore_from_trash:")
        if st.button("Dismiss", icon=":material/close:", key="dismiss-deletion", type="tertiary"):
            del st.session_state[_DELETED]
            st.rerun()


def _say_restored() -> None:
    restored: Deletion | None = st.session_state.pop(_RESTORED, None)
    if restored is None:
        return
    words = f"{restored.words('is', 'are')} back"
    if restored.is_dataset:
        words += " and shown now"
        scroll_to_top(key="scroll-restored", occasion=f"restored {restored.at}")
    st.toast(f"{words}.", icon=":material/restore_from_trash:", duration="long")


def _shown_now(deletion: Deletion) -> str:
    """Return a sentence that names the dataset that took the place of a deleted one, or ""."""
    dataset_id = chosen_or_newest().get("dataset") if deletion.is_dataset else None
    if not dataset_id:
        return ""
    name = get_workspace().store.get_dataset(dataset_id).name
    return f" Shown now: **{literal(shorten(name, 60))}**."


def _undo(deletion: Deletion) -> None:
    del st.session_state[_DELETED]
    try:
        restored = [restore(get_workspace(), record_id) for record_id in deletion.ids]
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    if restored[0].kind == "dataset":
        choose("dataset", restored[0].id)
    st.session_state[_RESTORED] = deletion
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
