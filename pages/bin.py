"""Bin page: what was deleted in the last days, restored or deleted for good; and storage."""

import streamlit as st

from tl_core.bin import DAYS_KEPT, delete_expired, list_bin
from tl_core.text import size
from tl_ui.bin.entries import ask_to_empty, show_entries
from tl_ui.bin.storage import show_storage
from tl_ui.resources import get_workspace

st.title("Bin", anchor=False)
workspace = get_workspace()
delete_expired(workspace)
entries = list_bin(workspace)
if entries:
    total = size(sum(entry.n_bytes for entry in entries))
    st.markdown(
        f"Deleted datasets and runs can be restored for {DAYS_KEPT} days. Until then they still "
        f"take **{total}** on the server's disk."
    )
    if st.button("Empty now…", icon=":material/delete_forever:"):
        ask_to_empty(entries)
    show_entries(entries)
else:
    st.markdown(
        f"The bin is empty. Datasets and runs that are deleted stay here for {DAYS_KEPT} days, in "
        "which they can be restored."
    )
show_storage(workspace)
