"""One class against all others (one-vs-rest): its images, ROC and precision–recall curves."""

from collections.abc import Sequence

import streamlit as st

from tl_core.charts import precision_recall_chart, roc_chart
from tl_core.evaluation.roc import rank
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.runs.summary import class_names
from tl_core.text import count, isolated, number_of, shorten
from tl_ui.components.live_chart import chart
from tl_ui.markdown import literal
from tl_ui.run.image_order import in_order
from tl_ui.run.images import show_predictions


def choose_class(run: Run, clicked: int | None) -> None:
    """Choose the clicked class for `show_class`, which is drawn later.

    A click counts once: Streamlit reports it again with every interaction, and it must not undo
    a choice that is made in the list meanwhile.
    """
    is_news = st.session_state.get(f"class-clicked-{run.id}") != clicked
    st.session_state[f"class-clicked-{run.id}"] = clicked
    if is_news and clicked is not None:
        st.session_state[f"class-{run.id}"] = clicked


def show_class(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Draw the choice of a class, its images and its curves.

    Args:
        what: "test" or "validation".
    """
    names = class_names(run, len(predictions[0].probabilities))
    label = st.selectbox(
        "One class against all others (one-vs-rest)",
        range(len(names)),
        index=None,
        key=f"class-{run.id}",
        format_func=lambda label: isolated(shorten(names[label], 60)),
        placeholder="Choose a class",
        help="Images of the class, images of others that were taken for it, and how well its "
        "probability tells the two apart at every threshold.",
    )
    if label is None:
        return
    _show_images(run, predictions, label, what)
    ranking = rank(predictions, label)
    if ranking is None:
        st.markdown(
            f"The {what} set has images of one class only, or none of this one: "
            "there is nothing to tell apart."
        )
    else:
        st.caption(
            "**ROC curve** (receiver operating characteristic): how many of its images it finds, "
            "against how many others it takes for them",
            help=GLOSSARY["ROC AUC"],
        )
        # A key for each class, because a chart keeps the zoom of the one before.
        chart(roc_chart(ranking, what), key=f"roc-{run.id}-{label}")
        st.caption(
            "**Precision–recall curve**: how many of its answers are right, "
            "against how many of its images it finds",
            help=f"{GLOSSARY['precision']} {GLOSSARY['recall']}",
        )
        chart(precision_recall_chart(ranking, what), key=f"pr-{run.id}-{label}")


def _show_images(run: Run, predictions: Sequence[Prediction], label: int, what: str) -> None:
    """Draw the images of the class, the highest loss first, and those wrongly taken for it."""
    name = literal(shorten(class_names(run, len(predictions[0].probabilities))[label], 60))
    own = [p for p in in_order(predictions, "loss") if p.true == label]
    called = [p for p in in_order(predictions, "wrong") if p.predicted == label]
    n_own = number_of(len(own), f"{what} image")
    n_right = count(sum(p.is_right for p in own))
    st.markdown(f"**{n_own} of {name}**, {n_right} of them recognised")
    if own:
        show_predictions(run, own, what, f"{run.id}-class-{label}-own", page=8)
    if called:
        n_called = number_of(len(called), f"{what} image")
        st.markdown(f"**{n_called} of other classes**, taken for {name}")
        show_predictions(run, called, what, f"{run.id}-class-{label}-called", page=8)
