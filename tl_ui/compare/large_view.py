"""Large view of one test image with the answers and heat-maps of several runs."""

from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation.explain import METHODS
from tl_core.glossary import GLOSSARY
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.runs.summary import class_names
from tl_core.text import isolated, shorten
from tl_ui.bars import STYLE, bars_html
from tl_ui.components.drawing import drawing
from tl_ui.large_view import show_photo
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.run.image_order import ranked
from tl_ui.run.large_view import heat_url


def show_compared(
    runs: Sequence[Run],
    labels: dict[str, str],
    image: ImageRecord,
    answers: Sequence[Prediction],
) -> None:
    """Draw an image, and for each run its most likely classes and where it sees the first of them.

    Args:
        labels: name of each run, by id. User text.
        answers: prediction of each run, in the order of the runs.
    """
    names = class_names(runs[0], len(answers[0].probabilities))
    st.markdown(f"### Really {literal(shorten(names[answers[0].true], 80))}")
    left, right = st.columns([3, 1], gap="medium")
    with left:
        show_photo(runs[0].config.data.dataset_id, image, _heats(runs, labels, image, answers))
        st.caption(
            f"{literal(shorten(image.name, 120))}, {image.width} × {image.height} pixels. Each "
            "heat-map (Grad-CAM) is of the class that the run answered; its brightest place is its "
            "own maximum, so that brightness cannot be compared between two heat-maps.",
            help=GLOSSARY["heat-map"],
        )
    with right:
        for run, answer in zip(runs, answers, strict=True):
            mark = "✓" if answer.is_right else "✗"
            st.markdown(f"{mark} **{literal(shorten(labels[run.id], 60))}**")
            bars = bars_html(ranked(answer, names, 5), true=names[answer.true])
            drawing(STYLE + bars, key=f"compared-bars-{run.id}")


def _heats(
    runs: Sequence[Run],
    labels: dict[str, str],
    image: ImageRecord,
    answers: Sequence[Prediction],
) -> list[tuple[str, str]]:
    """Return address and caption of the heat-map of each run that still has its model."""
    artifacts = get_workspace().artifacts
    names = class_names(runs[0], len(answers[0].probabilities))
    return [
        (
            heat_url(run, image, answer.predicted, METHODS[0]),
            f"{isolated(shorten(labels[run.id], 40))}: where it sees "
            f"{isolated(shorten(names[answer.predicted], 40))}",
        )
        for run, answer in zip(runs, answers, strict=True)
        if artifacts.checkpoint(run.id).exists()
    ]
