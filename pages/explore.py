"""Explore page: separability of the classes by pretrained features, before training."""

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_ui.dataset_view import choose_dataset, describe
from tl_ui.explore.features import (
    choose_features,
    show_answer,
    show_dataset_map,
    show_probes,
)
from tl_ui.navigation import link
from tl_ui.resources import get_workspace

st.title("Class separability", anchor=False)
st.caption("Can these images be told apart?")
datasets = get_workspace().store.list_datasets()
if not datasets:
    st.markdown(
        "Here you will see, within a minute and without training, whether a pretrained network "
        "sees your classes as different things. First it needs images."
    )
    link(
        "data",
        "Add images or take a sample",
        icon=":material/add_photo_alternate:",
        primary_key="data",
    )
    st.stop()

# The answer stands first, and what it depends on below.
answer = st.container()
left, right = st.columns(2, gap="large")
with left:
    dataset = choose_dataset(datasets)
    st.markdown(describe(dataset))
with right:
    config = choose_features(dataset)
with answer:
    show_answer(dataset, config)
    st.caption(
        "A pretrained network turns each image into a list of numbers, its features. Where the "
        "features of your classes differ, a model will learn them easily; where they mix, more "
        "images or a deeper change of the network is needed."
    )
show_dataset_map(dataset, config)
st.header("Classical models on the same features", help=GLOSSARY["classical models"], anchor=False)
st.caption("How far do models get that learn in a moment, without training a network?")
show_probes(dataset, config)
link(
    "train",
    "Train a model on these images",
    icon=":material/model_training:",
    primary_key="train",
    dataset=dataset.id,
)
