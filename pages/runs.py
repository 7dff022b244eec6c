"""All runs: their state, what they were trained on, how right they are."""

import streamlit as st

from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.runs_table import show_runs
from tl_ui.text import number_of

store = get_workspace().store
st.title("Runs", anchor=False)
runs = store.list_runs()
if not runs:
    st.markdown("Every training you start is listed here, with its state and how right it is in the end.")
    if store.list_datasets():
        link("train", "Train a model", icon=":material/model_training:", primary_key="train")
    else:
        link("data", "Add images or take a sample", icon=":material/add_photo_alternate:", primary_key="data")
    st.stop()

n_unfinished = sum(not run.state.is_finished for run in runs)
unfinished = f", {n_unfinished} of them not finished" if n_unfinished else ""
st.caption(f"{number_of(len(runs), 'run')}{unfinished}. Choose one to open it, or tick several to delete them.")
show_runs(runs)
