"""Choose a backbone and how deep to freeze it, and press Train."""

import streamlit as st

from tl_core.config import make_run_config
from tl_core.errors import TransferLabError
from tl_ui.dataset_view import choose_dataset, default_split, describe
from tl_ui.navigation import go, link
from tl_ui.resources import get_runner, get_workspace
from tl_ui.text import literal
from tl_ui.train_form import choose_backbone, choose_depth, choose_recipe, describe_plan, show_strip

st.title("Train")
datasets = get_workspace().store.list_datasets()
if not datasets:
    st.markdown("Here you will choose a pretrained network and train it on your images. First it needs images.")
    link("data", "Add images or take a sample", icon=":material/add_photo_alternate:", primary_key="data")
    st.stop()

left, right = st.columns([3, 2], gap="large")
with left:
    dataset = choose_dataset(datasets)
    st.markdown(describe(dataset))
    show_strip(dataset)
with right:
    backbone = choose_backbone()
    model, recipe = choose_recipe()

frozen = choose_depth(backbone, model["pretrained"], len(dataset.classes))
notice = st.container()  # above the button, where it is seen
try:
    config = make_run_config(
        {"dataset_id": dataset.id}, {**model, "backbone": backbone.name, "frozen_stages": frozen}, recipe
    )
    button, plan = st.columns([1, 7], vertical_alignment="center")
    plan.markdown(describe_plan(config, backbone, dataset, default_split(dataset.id)))
    if button.button("Train", type="primary", icon=":material/play_arrow:", width="stretch"):
        with notice, st.spinner("Checking that everything is there…", show_time=False):
            run = get_runner().submit(config)
        go("run", run=run.id)
except TransferLabError as error:
    notice.error(literal(str(error)), icon=":material/error:")
