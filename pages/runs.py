"""Runs page: every run with its state, what it was trained on and how accurate it is."""

import streamlit as st

from tl_core.records import RunState
from tl_core.runs.summary import is_busy
from tl_core.text import number_of, share
from tl_ui.bin.link import link_to_bin
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.runs.filters import choose_runs
from tl_ui.runs.hold import show_hold
from tl_ui.runs.table import show_runs

store = get_workspace().store
st.title("Runs", anchor=False)
runs = store.summarise_runs()
if not runs:
    st.markdown("Every training you start is listed here, with its state and its test accuracy.")
    if store.list_datasets():
        link("train", "Train a model", icon=":material/model_training:", primary_key="train")
    else:
        icon = ":material/add_photo_alternate:"
        link("data", "Add images or take a sample", icon=icon, primary_key="data")
    link_to_bin()
    st.stop()

n_busy = sum(is_busy(run) for run in runs)
n_paused = sum(run.state is RunState.PAUSED for run in runs)
counts = [number_of(len(runs), "run")]
if n_busy:
    counts.append(f"{n_busy} of them running or queued")
if n_paused:
    counts.append(f"{n_paused} paused")
how_to = "Tick several to compare or delete them."
st.caption(f"{', '.join(counts)}. {how_to}")
show_hold(any(run.state is RunState.QUEUED for run in runs))
found = choose_runs(runs)
if len(found) < len(runs):
    st.caption(f"{share(len(found), len(runs))} runs match.")
show_runs(found)
link_to_bin()
link("optimizers", "Compare optimizers on the same training", icon=":material/ssid_chart:")
