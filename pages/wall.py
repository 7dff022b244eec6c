"""Class wall page: the runs that people have published, the latest first."""

import streamlit as st

from tl_ui.classroom.wall import show_cards
from tl_ui.classroom.words import everyone_words, wall_title
from tl_ui.resources import get_workspace

st.title(wall_title(), anchor=False)
st.caption(f"Runs that their owners show to {everyone_words()}.")
runs = get_workspace().store.list_published()
if not runs:
    st.markdown("Nothing has been published yet. A tested run has a button “Publish…” on its page.")
    st.stop()
show_cards(runs)
