"""Predictions of a run's test, or of its last validation: matrix, figures by class, images."""

import math
from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation import class_figures, weakest_first
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run, Split
from tl_core.runs.summary import class_names
from tl_core.text import count, number_of
from tl_ui.room import keep_room
from tl_ui.run.confusion_matrix import show_cell, show_matrix
from tl_ui.run.images import browse_predictions, predictions_after
from tl_ui.run.one_class import choose_class, show_class
from tl_ui.run.results import show_confused

_NARROWEST = 112
"""Narrowest column of class names, in pixels."""
_WIDEST = 200
"""Widest one; Streamlit unpins a column that takes most of a phone's width."""
_ROW_HEIGHT = 35
"""Height of a table's head and of a row of one line, in pixels."""
_LINE_HEIGHT = 20
_MOST_LINES = 6


def show_answers(run: Run) -> None:
    """Draw the test predictions, or those of the last validation if there was no test."""
    split: Split
    split, what = ("test", "test") if run.result else ("val", "validation")
    epoch, predictions = predictions_after(run.id, split, run.epochs_done)
    if not predictions:
        return
    if unusable := sum(not p.is_number for p in predictions):
        n = number_of(len(predictions), f"{what} image")
        st.caption(
            f"For {count(unusable)} of {n} the model's answers are not numbers, "
            "so there is no confusion matrix."
        )
    else:
        _show_tables(run, split, predictions, what)
    at = "" if run.result else f", after epoch {epoch}"
    st.subheader("Misclassified images", help=GLOSSARY["confidence"], anchor=False)
    if all(p.is_right for p in predictions):
        st.markdown(f"**No mistakes on the {what} images{at}.**")
        st.caption("So its right answers are shown.")
    else:
        st.caption(f"What it says to {what} images{at}: its mistakes, and its right answers too.")
    browse_predictions(run, predictions, what)


def _show_tables(run: Run, split: Split, predictions: Sequence[Prediction], what: str) -> None:
    # The table of the classes is wider than most matrices.
    left, right = st.columns([9, 11], gap="large")
    with left:
        show_matrix(run, split, predictions)
    with right:
        show_cell(run, predictions, what)
        show_confused(run)
        show_classes(run, predictions, what)
        show_class(run, predictions, what)


def show_classes(
    run: Run, predictions: Sequence[Prediction], what: str, *, opens: bool = True
) -> None:
    """Draw precision, recall and F1 of every class, the lowest F1 first.

    Args:
        opens: whether a click chooses a class for `show_class`, which is then drawn below.
    """
    names = class_names(run, len(predictions[0].probabilities))
    terms = " ".join(f"{term}: {GLOSSARY[term]}" for term in ("precision", "recall", "F1"))
    heading = "Precision, recall and F1 by class"
    st.subheader(heading, help=terms[:1].upper() + terms[1:], anchor=False)
    st.caption(
        f"Class by class, on {number_of(len(predictions), f'{what} image')}. The weakest classes "
        "come first. A dash stands where there is nothing to divide by."
        f"{' Click a class to see its images and curves below.' if opens else ''}"
    )
    number = st.column_config.NumberColumn
    text = st.column_config.TextColumn
    rows = class_rows(names, predictions)
    key = f"classes-{run.id}"
    width, row_height = _room_for(names)
    # A table is as high as its rows and its head, up to Streamlit's usual height.
    keep_room(key, min(400, row_height * len(rows) + _ROW_HEIGHT + 3))
    clicked = st.dataframe(
        rows,
        key=key,
        on_select="rerun",
        # Cells, because selecting rows would take a column of checkboxes.
        selection_mode="single-cell",
        hide_index=True,
        row_height=row_height,
        placeholder="–",
        column_config={
            "Class": text(width=width, pinned=True),
            "F1": number(width=68, format="%.1f %%", help=GLOSSARY["F1"]),
            "Recall": number(width=68, format="%.1f %%", help=GLOSSARY["recall"]),
            "Precision": number(width=72, format="%.1f %%", help=GLOSSARY["precision"]),
            **{
                # Wide enough for its head and for "82–100 %".
                f"{name} range": text(
                    width=max(86, 62 + 6 * len(name)), help=f"95 % interval of {name}: from, to."
                )
                for name in ("F1", "Recall", "Precision")
            },
            "n": number(width=44, help=f"{what.capitalize()} images of this class"),
        },
        alt=f"Precision, recall and F1 of each class on the {what} images",
    )["selection"]["cells"]
    label = None
    if clicked:
        row, _ = clicked[0]
        # Rows are sorted by F1, so that a row's number is not the label.
        label = names.index(str(rows[row]["Class"]))
    choose_class(run, label)


def _room_for(names: Sequence[str]) -> tuple[int, int]:
    """Return the width of the names' column and the height of a row, in pixels.

    Names wrap, and the longest is whole up to `_MOST_LINES` lines.
    """
    # Wide letters need about 9 pixels; the cell has edges of 8.
    longest = 9 * max(map(len, names)) + 16
    width = min(max(longest, _NARROWEST), _WIDEST)
    # Lines end between words, so that not all of a line is used.
    lines = min(_MOST_LINES, math.ceil(1.2 * longest / width)) if longest > width else 1
    return width, _ROW_HEIGHT + _LINE_HEIGHT * (lines - 1)


def class_rows(
    names: Sequence[str], predictions: Sequence[Prediction]
) -> list[dict[str, str | float | int | None]]:
    """Return a row for each class, by rising F1; classes that do not occur come last."""
    return [
        {
            "Class": names[f.label],
            "n": f.n,
            "F1": _in_percent(f.f1),
            "F1 range": _range_words(f.f1_interval),
            "Recall": _in_percent(f.recall),
            "Recall range": _range_words(f.recall_interval),
            "Precision": _in_percent(f.precision),
            "Precision range": _range_words(f.precision_interval),
        }
        for f in weakest_first(class_figures(predictions, len(names)))
    ]


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _range_words(interval: tuple[float, float] | None) -> str | None:
    return f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %" if interval else None
