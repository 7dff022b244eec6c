"""Optimizers page: the same training with eight optimizers, compared."""

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.runs.summary import runs_compared
from tl_ui.navigation import link
from tl_ui.optimizers.comparison import list_comparisons, show_comparison
from tl_ui.optimizers.form import choose_and_start
from tl_ui.resources import get_workspace

store = get_workspace().store
st.title("Optimizers compared", help=GLOSSARY["optimizer"], anchor=False)
comparison_id = st.query_params.get("comparison", "")
datasets = store.list_datasets()
compared = runs_compared(store, comparison_id) if comparison_id else []
if comparison_id and not compared:
    st.warning("There is no such comparison, or its runs were deleted.", icon=":material/info:")
if not compared:
    st.markdown(
        "An optimizer is the rule that turns the gradient of the loss into a step of the weights. "
        "Here the same training is done with each of eight, and their learning curves are drawn in "
        "one chart."
    )

if compared:
    show_comparison(comparison_id, compared)
if not datasets:
    if not compared:
        link(
            "data",
            "Add images or take a sample",
            icon=":material/add_photo_alternate:",
            primary_key="data",
        )
elif compared:
    with st.expander("Compare again, with other images or settings", icon=":material/replay:"):
        choose_and_start(datasets)
else:
    choose_and_start(datasets)
list_comparisons(comparison_id if compared else "")
