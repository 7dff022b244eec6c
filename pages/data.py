"""Data page: import images and check what was read from them."""

import streamlit as st

from tl_core.text import number_of
from tl_ui.bin.link import link_to_bin
from tl_ui.data.adding import add_data, add_sample, add_server_folder, watch_import
from tl_ui.data.deletion import delete_dataset_button
from tl_ui.data.loose_images import is_something_waiting
from tl_ui.data.overview import (
    WARNINGS_ANCHOR,
    show_balance,
    show_left_out,
    show_reading,
    show_split,
    show_warnings,
)
from tl_ui.data.pictures import choose_class, show_pictures
from tl_ui.data.sharing import show_sharing
from tl_ui.data.welcome import show_welcome
from tl_ui.dataset_view import choose_dataset
from tl_ui.navigation import link
from tl_ui.resources import get_workspace

store = get_workspace().store
if store.list_datasets():
    st.title("Data")
else:
    show_welcome()
# Before the datasets are listed: it holds the page until the new one is among them.
watch_import()
datasets = store.list_datasets()

if not datasets:
    st.header("Data", anchor=False)
    st.markdown(
        "Drop a folder with one subfolder for each class, such as `cats` and `dogs`. This page "
        "then shows its pictures, how many there are, and which files could not be used and why."
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
    link_to_bin()
    st.stop()

left, right = st.columns([2, 1])
with left:
    dataset = choose_dataset(datasets)
with right:
    class_name = choose_class(dataset)
show_sharing(dataset)
show_reading(dataset)
show_pictures(dataset, class_name)
show_balance(dataset)
show_split(dataset)
show_left_out(store.list_skipped(dataset.id))
n_warnings = show_warnings(dataset)
# The style sheet keeps this bar in view, however many classes there are.
with st.container(key="bar", horizontal=True, vertical_alignment="center"):
    link(
        "train",
        "Train a model on these images",
        icon=":material/model_training:",
        primary_key="train",
        dataset=dataset.id,
    )
    link(
        "explore",
        "Explore: can the classes be told apart?",
        icon=":material/scatter_plot:",
        dataset=dataset.id,
    )
    if n_warnings:
        st.markdown(f":material/warning: [{number_of(n_warnings, 'warning')}](#{WARNINGS_ANCHOR})")
with st.container(horizontal=True, vertical_alignment="center"):
    delete_dataset_button(dataset)
    link_to_bin()
