"""Data page: import images and check what was read from them."""

import streamlit as st

from tl_ui.data.adding import add_data, add_sample, add_server_folder, watch_import
from tl_ui.data.deletion import delete_dataset_button
from tl_ui.data.loose_images import is_something_waiting
from tl_ui.dataset_view import (
    choose_dataset,
    describe,
    show_balance,
    show_gallery,
    show_left_out,
    show_split,
)
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace

store = get_workspace().store
st.title("Data")
# Before the datasets are listed: it holds the page until the new one is among them.
watch_import()
datasets = store.list_datasets()

if not datasets:
    st.markdown(
        "Drop a folder with one subfolder for each class, such as `cats` and `dogs`. This page "
        "then shows how many images there are, which files could not be used and why, and sample "
        "images."
    )
if datasets:
    # Folded away beside datasets, unless dropped images still wait for their class.
    adding = st.expander(
        "Add images", is_something_waiting(), icon=":material/add_photo_alternate:"
    )
else:
    adding = st.container()
with adding:
    add_data()
    add_server_folder()
    st.markdown("**No images at hand?** Use a sample dataset.")
    add_sample()
if not datasets:
    st.stop()

dataset = choose_dataset(datasets)
st.header(literal(dataset.name))
st.markdown(describe(dataset))
link(
    "train",
    "Train a model on these images",
    icon=":material/model_training:",
    primary_key="train",
    dataset=dataset.id,
)
link(
    "explore",
    "Explore: can the classes be told apart before training?",
    icon=":material/scatter_plot:",
    dataset=dataset.id,
)
show_left_out(store.list_skipped(dataset.id))
for warning in dataset.warnings:
    st.warning(literal(warning), icon=":material/warning:")
show_balance(dataset)
show_gallery(dataset)
show_split(dataset)
delete_dataset_button(dataset)
