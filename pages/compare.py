"""Compare page: two to twenty runs, how they differ, which is better and what they cost."""

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.runs.comparison import share_images
from tl_ui.compare.charts import accuracy_curves, cost_chart, loss_curves, weights_chart
from tl_ui.compare.images import show_images
from tl_ui.compare.runs import open_comparison, run_labels
from tl_ui.compare.table import cost_words, show_table
from tl_ui.compare.verdicts import show_verdicts
from tl_ui.components.live_chart import chart
from tl_ui.resources import get_workspace

st.title("Compare runs", anchor=False)
runs = open_comparison()
labels = run_labels(runs)
show_table(runs)
groups = show_verdicts(runs)

st.header("Learning curves", help=GLOSSARY["learning curves"], anchor=False)
st.caption("How the runs learned, epoch by epoch, measured on their validation images.")
lines = [(labels[run.id], get_workspace().store.list_metrics(run.id)) for run in runs]
epochs = max(run.config.train.epochs for run in runs)
if not share_images(runs, "val"):
    st.caption(
        "The runs were not all validated on the same images and classes, "
        "so heights in these charts cannot be compared."
    )
left, right = st.columns(2, gap="medium")
with left:
    words = f"{GLOSSARY['accuracy']} {GLOSSARY['validation']}"
    st.caption("**Validation accuracy**: how often they are right", help=words)
    chart(accuracy_curves(lines, epochs), key="compare-accuracy")
with right:
    words = f"{GLOSSARY['loss']} {GLOSSARY['validation']}"
    st.caption("**Validation loss**: how wrong they are", help=words)
    chart(loss_curves(lines, epochs), key="compare-loss")

# There is no group where fewer than two runs were tested.
if groups:
    st.header("Training cost", anchor=False)
    st.caption(
        "What accuracy costs, in processor time and in trainable parameters. "
        f"{cost_words(runs, labels)}",
        help=GLOSSARY["training cost"],
    )
    if len(groups) > 1:
        st.caption(
            "The runs were not all tested alike, so heights in these charts cannot be compared."
        )
    left, right = st.columns(2, gap="medium")
    with left:
        chart(cost_chart(runs, labels), key="compare-cost")
    with right:
        chart(weights_chart(runs, labels), key="compare-weights")
    show_images(
        # A run that is alone in its group has nothing to stand beside.
        [[group.best, *(run for run, _ in group.others)] for group in groups if group.others],
        labels,
    )
