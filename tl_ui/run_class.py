"""One class on a run's page: its curves against all others."""

from collections.abc import Sequence

import streamlit as st

from tl_core.charts import precision_recall_chart, roc_chart
from tl_core.evaluation.ranking import rank
from tl_core.records import Prediction, Run
from tl_core.run_words import class_names
from tl_core.text import GLOSSARY, isolated, shorten
from tl_ui.components.live_chart import chart


def show_class(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """A class to choose, and its curves.

    Args:
        what: "test" or "validation".
    """
    names = class_names(run, len(predictions[0].probabilities))
    label = st.selectbox(
        "One class against all others",
        range(len(names)),
        index=None,
        key=f"class-{run.id}",
        format_func=lambda label: isolated(shorten(names[label], 60)),
        placeholder="Choose a class",
        help="How well its probability sets the images of a class apart from all others, at every threshold.",
    )
    if label is None:
        return
    ranking = rank(predictions, label)
    if ranking is None:
        st.markdown(f"The {what} set has images of one class only, or none of this one: there is nothing to set apart.")
    else:
        st.caption("Receiver operating characteristic", help=GLOSSARY["ROC AUC"])
        chart(roc_chart(ranking, what), key=f"roc-{run.id}-{label}")
        st.caption("Precision and recall", help=f"{GLOSSARY['precision']} {GLOSSARY['recall']}")
        chart(precision_recall_chart(ranking, what), key=f"pr-{run.id}-{label}")
