"""Storage: what takes how much room on the server's disk, and a button that frees some."""

import streamlit as st

from tl_core.text import number_of, shorten, size
from tl_core.upkeep.freeing import free_space
from tl_core.upkeep.sizes import Sizes, measure
from tl_core.workspace import Workspace
from tl_ui.deleted import confirm_buttons
from tl_ui.resources import get_workspace

_MOST = 50
"""Rows of the table."""
_FREED = "freed-space"
"""Session key of the sentence on what was freed, until it has been said."""
_KINDS = {"dataset": "Dataset", "run": "Run", "bin": "In the bin"}


def show_storage(workspace: Workspace) -> None:
    """Draw the sizes of what the visitor keeps, of everybody for one who administers."""
    if said := st.session_state.pop(_FREED, None):
        st.toast(said, icon=":material/check:", duration="long")
    sizes = measure(workspace)
    st.subheader("Storage", anchor=False)
    st.markdown(_summary(workspace, sizes))
    if st.button("Free space…", icon=":material/cleaning_services:"):
        _ask(sizes)
    if sizes.items:
        _show_items(sizes)
    if len(sizes.by_person()) > 1:
        _show_people(workspace, sizes)


def _summary(workspace: Workspace, sizes: Sizes) -> str:
    parts = [
        f"datasets take **{size(sizes.total('dataset'))}**",
        f"runs **{size(sizes.total('run'))}**",
        f"the bin **{size(sizes.total('bin'))}**",
    ]
    if not workspace.person.administers:
        return f"Of yours, {', '.join(parts[:-1])} and {parts[-1]} of the server's disk."
    words = f"{', '.join(parts)} and the cache **{size(sizes.cache)}**"
    return f"{words[0].upper()}{words[1:]} of the server's disk; **{size(sizes.free)}** are free."


def _show_items(sizes: Sizes) -> None:
    rows = [
        {
            "Kind": _KINDS[item.kind],
            "Name": shorten(item.name, 80),
            "Size": size(item.n_bytes),
            "Id": item.id,
        }
        for item in sizes.items[:_MOST]
    ]
    # A table of data shows names as they are.
    st.dataframe(rows, hide_index=True, width="stretch", key="storage-items")
    if len(sizes.items) > _MOST:
        st.caption(f"And {number_of(len(sizes.items) - _MOST, 'smaller one', 'smaller ones')}.")


def _show_people(workspace: Workspace, sizes: Sizes) -> None:
    names = {person.id: person.name for person in workspace.store.list_people()}
    rows = [
        {"Person": names.get(person_id, person_id) or "The operator", "Size": size(n_bytes)}
        for person_id, n_bytes in sizes.by_person().items()
    ]
    st.dataframe(rows, hide_index=True, width="stretch", key="storage-people")


@st.dialog("Free space?")
def _ask(sizes: Sizes) -> None:
    """Say in a dialog what goes and what else could, then free space."""
    administers = get_workspace().person.administers
    cache = f"the cache ({size(sizes.cache)}) and " if administers else ""
    st.markdown(
        f"This deletes {cache}packed exports ({size(sizes.again)}). Nothing is lost: both are made "
        "again when they are needed, which takes time."
    )
    st.markdown(
        f"What else would free space: emptying the bin ({size(sizes.total('bin'))}), and deleting "
        f"runs with their training states ({size(sizes.states)}) or datasets that are no longer "
        "needed."
    )
    if confirm_buttons("Free space"):
        freed = free_space(get_workspace())
        st.session_state[_FREED] = f"{size(freed.cache + freed.again)} were freed."
        st.rerun()
