"""Bin page: what was deleted in the last days, restored or deleted for good from here."""

import streamlit as st

from tl_core.bin import DAYS_KEPT, delete_expired, list_bin
from tl_core.text import size
from tl_ui.bin.entries import ask_to_empty, show_entries
from tl_ui.resources import get_workspace

st.title("Bin", anchor=False)
workspace = get_workspace()
delete_expired(workspace)
entries = list_bin(workspace)
if not entries:
    st.markdown(
        f"The bin is empty. Datasets and runs that are deleted stay here for {DAYS_KEPT} days, in "
        "which they can be restored."
    )
    st.stop()

total = size(sum(entry.n_bytes for entry in entries))
st.markdown(
    f"Deleted datasets and runs can be restored for {DAYS_KEPT} days. Until then they still take "
    f"**{total}** on the server's disk."
)
if st.button("Empty now…", icon=":material/delete_forever:"):
    ask_to_empty(entries)
show_entries(entries)
