"""Predictions of a run's test, or of its last validation: matrix, figures by class, images."""

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
    left, right = st.columns(2, gap="large")
    with left:
        show_matrix(run, split, predictions)
    with right:
        show_cell(run, predictions, what)
        show_confused(run)
        show_classes(run, predictions, what)
        show_class(run, predictions, what)


def show_classes(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Draw precision, recall and F1 of every class, the lowest F1 first."""
    names = class_names(run, len(predictions[0].probabilities))
    terms = " ".join(f"{term}: {GLOSSARY[term]}" for term in ("precision", "recall", "F1"))
    heading = "Precision, recall and F1 by class"
    st.subheader(heading, help=terms[:1].upper() + terms[1:], anchor=False)
    st.caption(
        f"Class by class, on {number_of(len(predictions), f'{what} image')}. The weakest classes "
        "come first. A dash stands where there is nothing to divide by. Click a class to see its "
        "images and curves below."
    )
    number = st.column_config.NumberColumn
    text = st.column_config.TextColumn
    interval = text("from, to", width=82, help="95 % interval of the figure to the left.")
    rows = class_rows(names, predictions)
    key = f"classes-{run.id}"
    # A table is as high as its rows and its head, up to Streamlit's usual height.
    keep_room(key, min(400, 35 * (len(rows) + 1) + 3))
    clicked = st.dataframe(
        rows,
        key=key,
        on_select="rerun",
        # Cells, because selecting rows would take a column of checkboxes.
        selection_mode="single-cell",
        hide_index=True,
        placeholder="–",
        column_config={
            "Class": text(width=112, pinned=True),
            "F1": number(width=68, format="%.1f %%", help=GLOSSARY["F1"]),
            "Recall": number(width=68, format="%.1f %%", help=GLOSSARY["recall"]),
            "Precision": number(width=72, format="%.1f %%", help=GLOSSARY["precision"]),
            **{f"{name} from, to": interval for name in ("F1", "Recall", "Precision")},
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


def class_rows(
    names: Sequence[str], predictions: Sequence[Prediction]
) -> list[dict[str, str | float | int | None]]:
    """Return a row for each class, by rising F1; classes that do not occur come last."""
    return [
        {
            "Class": names[f.label],
            "n": f.n,
            "F1": _in_percent(f.f1),
            "F1 from, to": _range_words(f.f1_interval),
            "Recall": _in_percent(f.recall),
            "Recall from, to": _range_words(f.recall_interval),
            "Precision": _in_percent(f.precision),
            "Precision from, to": _range_words(f.precision_interval),
        }
        for f in weakest_first(class_figures(predictions, len(names)))
    ]


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _range_words(interval: tuple[float, float] | None) -> str | None:
    return f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %" if interval else None
