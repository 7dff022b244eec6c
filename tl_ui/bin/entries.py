"""Entries of the bin, each with its size, its last day and a button that restores it."""

from collections.abc import Sequence

import streamlit as st

from tl_core.bin import BinEntry, empty_bin, restore
from tl_core.errors import TransferLabError
from tl_core.runs.summary import when
from tl_core.text import number_of, shorten, size
from tl_ui.deleted import confirm_buttons
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace

_MOST = 100
"""Entries that are drawn; more would slow the page down."""


def show_entries(entries: Sequence[BinEntry]) -> None:
    """Draw the entries, what was deleted last first."""
    for entry in entries[:_MOST]:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(_words(entry), width="stretch")
            if st.button(
                "Restore",
                icon=":material/restore_from_trash:",
                key=f"restore-{entry.binned.kind}-{entry.binned.id}",
            ):
                _restore(entry)
    if len(entries) > _MOST:
        st.caption(f"And {number_of(len(entries) - _MOST, 'older entry', 'older entries')}.")


def _words(entry: BinEntry) -> str:
    binned = entry.binned
    timezone = st.context.timezone
    return (
        f"**{literal(shorten(binned.name, 80))}**  \n{binned.kind.capitalize()} `{binned.id}` · "
        f"{size(entry.n_bytes)} · deleted {when(binned.binned_at, timezone)} · "
        f"kept until {when(entry.gone_at, timezone)}"
    )


def _restore(entry: BinEntry) -> None:
    try:
        restore(get_workspace(), entry.binned.id)
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.rerun()


@st.dialog("Empty the bin?")
def ask_to_empty(entries: Sequence[BinEntry]) -> None:
    """Ask in a dialog, then delete all entries for good."""
    total = size(sum(entry.n_bytes for entry in entries))
    st.markdown(
        f"{number_of(len(entries), 'entry', 'entries')} with {total} will be deleted for good. "
        "They cannot be restored afterwards."
    )
    if confirm_buttons("Delete for good"):
        # What was put in meanwhile was not asked about.
        empty_bin(get_workspace(), put_in_before=max(e.binned.binned_at for e in entries) + 1e-6)
        st.rerun()
