"""Try it page: drop in images and see the predictions of a trained model."""

import streamlit as st

from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.try_it.api_help import show_for_programs
from tl_ui.try_it.asking import ask
from tl_ui.try_it.predictions import (
    choose_run,
    drop_images,
    show_answers,
    take_picture,
    test_samples,
    wants_test_samples,
)

st.title("Try it", anchor=False)
store = get_workspace().store
run = choose_run()
if run is None:
    st.markdown(
        "Here you can show a model your own images and see its five most likely classes. "
        "First train a model."
    )
    if store.list_datasets():
        link("train", "Train a model", icon=":material/model_training:", primary_key="train")
    else:
        icon = ":material/add_photo_alternate:"
        link("data", "Add images or take a sample", icon=icon, primary_key="data")
    st.stop()

link("run", "What this model is, and how accurate it is", icon=":material/insights:", run=run.id)
# The reader's own images come first; test samples are for those who have none at hand.
files = [*drop_images(), *take_picture()]
true = []
if not files and wants_test_samples(run):
    samples = test_samples(run)
    files = [(name, file) for name, file, _ in samples]
    true = [class_name for _, _, class_name in samples]
show_answers(run, files, ask(run, files, true))
show_for_programs(run)
