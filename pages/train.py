"""Train page: choose a preset, change settings, see the plan, and start the run."""

import streamlit as st

from tl_core.access import why_no_run
from tl_core.backbones import anatomy
from tl_core.errors import TransferLabError
from tl_ui.dataset_view import choose_dataset, describe
from tl_ui.fields import take_changes
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.train.all_settings import show_every_knob
from tl_ui.train.augmentation import choose_kind
from tl_ui.train.backbones import choose_backbone
from tl_ui.train.form import keep_depth_within, make_config, show_strip
from tl_ui.train.presets import choose_start, follow_address, offer_saving, show_changes
from tl_ui.train.preview import choose_depth, show_preview
from tl_ui.train.sentence import cautions, describe_plan
from tl_ui.train.starting import TRAIN, start_run
from tl_ui.train.weights import choose_weights, offer_own_weights
from tl_ui.train.widgets import get_form, knob, mistakes

st.title("Train")
datasets = get_workspace().store.list_datasets()
if not datasets:
    st.markdown(
        "Here you will choose a pretrained network and train it on your images. First it needs "
        "images."
    )
    link(
        "data",
        "Add images or take a sample",
        icon=":material/add_photo_alternate:",
        primary_key="data",
    )
    st.stop()

# First, since all that follows is drawn from the form.
take_changes()
follow_address()
wrong = mistakes(get_form())
left, middle, right = st.columns(3, gap="medium")
with left:
    dataset = choose_dataset(datasets)
    st.markdown(describe(dataset))
    show_strip(dataset)
with middle:
    choose_start()
    # Filled at the end: only valid settings can be saved as a preset.
    saving = st.container()
with right:
    backbone = choose_backbone()
first, second, third, fourth = st.columns(4, gap="medium", vertical_alignment="bottom")
with first:
    choose_weights()
with second:
    offer_own_weights()
with third:
    knob("epochs", wrong=wrong.get("epochs", ""))
with fourth:
    choose_kind()

try:
    n_stages = len(anatomy(backbone).stages)
except TransferLabError as error:
    st.error(literal(str(error)), icon=":material/error:")
    st.stop()
keep_depth_within(n_stages)
config, problem = make_config(dataset.id)
refused = ""
# Before the rest is drawn and the duration is estimated, which would take a second without a sign.
if st.session_state.get(TRAIN) and config is not None and not problem:
    refused = start_run(config)
choose_depth(backbone, config, len(dataset.classes))
show_changes()
show_preview(config)
show_every_knob(backbone, dataset, wrong)
# Above the bar, for messages that are known only after the bar is drawn.
notice = st.container()
# The style sheet keeps this bar in view, however long the form is.
with st.container(key="bar"):
    button, sentence = st.columns([1, 7], vertical_alignment="center")
try:
    if config is not None:
        sentence.markdown(describe_plan(config, backbone, dataset))
        if full := why_no_run(get_workspace()):
            sentence.caption(f":material/block: {literal(full)}")
        if warnings := cautions(config, dataset):
            sentence.caption(f":material/warning: {warnings}")
except TransferLabError as error:
    problem = str(error)
messages = list(wrong.values())
# It would only repeat an invalid value that has a message already.
if problem and not messages:
    messages = [problem]
for message in filter(None, [*messages, refused]):
    notice.error(literal(message), icon=":material/error:")
with button.container(key="next-run"):
    st.button(
        "Train",
        key=TRAIN,
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=bool(problem),
    )
if config is not None and not problem:
    with saving:
        offer_saving()
