"""All runs: their state, what they were trained on, how right they are."""

import streamlit as st

from tl_core.records import RunState
from tl_core.runs.summary import is_busy
from tl_core.text import number_of
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.runs.table import show_runs

store = get_workspace().store
st.title("Runs", anchor=False)
runs = store.list_runs()
if not runs:
    st.markdown(
        "Every training you start is listed here, with its state and how right it is in the end."
    )
    if store.list_datasets():
        link("train", "Train a model", icon=":material/model_training:", primary_key="train")
    else:
        link(
            "data",
            "Add images or take a sample",
            icon=":material/add_photo_alternate:",
            primary_key="data",
        )
    st.stop()

n_busy, n_paused = sum(map(is_busy, runs)), sum(run.state is RunState.PAUSED for run in runs)
words = [number_of(len(runs), "run")]
words += [f"{n_busy} of them under way or waiting"] if n_busy else []
words += [f"{n_paused} paused"] if n_paused else []
st.caption(
    f"{', '.join(words)}. Open one by its first cell; tick several to compare or delete them."
)
show_runs(runs)
link("optimizers", "Compare optimizers on the same training", icon=":material/ssid_chart:")
