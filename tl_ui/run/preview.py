"""Preview of learning on a run's page: a chart that grows while the features are prepared."""

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.records import PREVIEW, Run
from tl_ui.resources import get_workspace
from tl_ui.run.overview import draw_chart

_ALT = "Preview: validation accuracy by number of training images"
_HEIGHT = 320


def watch_preview(run: Run) -> None:
    """Draw the preview of a run that prepares its features; the chart follows it."""
    st.subheader("Preview of learning", help=GLOSSARY["preview"], anchor=False)
    st.caption(
        "A small classifier, fitted again and again on the images prepared so far. "
        "It is not the run's result: the run's own model is trained afterwards."
    )
    draw_chart(run, "preview", _ALT, height=_HEIGHT)


def show_preview(run: Run) -> None:
    """Draw the preview of a run that has trained, folded away; nothing if it has none."""
    n_train, _ = get_workspace().store.list_predictions(run.id, PREVIEW)
    if not n_train:
        return
    with st.expander("Accuracy by number of training images", icon=":material/trending_up:"):
        st.caption(
            "The preview that was shown while the features were prepared: a small classifier, "
            "fitted on more and more of the training images. It is measured on validation "
            "images, and it is not the run's model.",
            help=GLOSSARY["preview"],
        )
        draw_chart(run, "preview", _ALT, height=_HEIGHT)
