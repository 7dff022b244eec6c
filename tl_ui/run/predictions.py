"""What a run said to the images of the test, or of its last validation: matrix, class by class, and the images."""

from collections.abc import Sequence

import streamlit as st

from tl_core.evaluation import class_figures, weakest_first
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run, Split
from tl_core.runs.summary import class_names
from tl_core.text import count, number_of
from tl_ui.run.confusion_matrix import show_cell, show_matrix
from tl_ui.run.images import browse_predictions, predictions_after
from tl_ui.run.one_class import choose_class, show_class
from tl_ui.run.results import show_confused


def show_answers(run: Run) -> None:
    """Of the test, or of the last validation where there was no test; nothing before the first."""
    split, what = ("test", "test") if run.result else ("val", "validation")
    epoch, predictions = predictions_after(run.id, split, run.epochs_done)
    if not predictions:
        return
    if unusable := sum(not p.is_number for p in predictions):
        n = number_of(len(predictions), f"{what} image")
        st.caption(
            f"For {count(unusable)} of {n} its answers are not numbers, so there is no matrix of them."
        )
    else:
        _show_tables(run, split, predictions, what)
    at = "" if run.result else f", after epoch {epoch}"
    st.subheader(f"What it says to {what} images{at}", anchor=False)
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
    """Precision, recall and F1 of every class, the worst first."""
    names = class_names(run, len(predictions[0].probabilities))
    st.subheader(f"Class by class, on {number_of(len(predictions), f'{what} image')}", anchor=False)
    st.caption(
        "The weakest classes come first. A dash stands where there is nothing to divide by. Click a class to see its "
        "images and curves below."
    )
    share = st.column_config.NumberColumn
    between = st.column_config.TextColumn(
        "from, to", width=82, help="95 % interval of the figure to the left."
    )
    clicked = st.dataframe(
        rows := class_rows(names, predictions),
        key=f"classes-{run.id}",
        on_select="rerun",
        selection_mode="single-cell",
        hide_index=True,
        placeholder="–",
        column_config={
            "Class": st.column_config.TextColumn(width=112, pinned=True),
            "F1": share(width=68, format="%.1f %%", help=GLOSSARY["F1"]),
            "Recall": share(width=68, format="%.1f %%", help=GLOSSARY["recall"]),
            "Precision": share(width=72, format="%.1f %%", help=GLOSSARY["precision"]),
            **{f"{name} from, to": between for name in ("F1", "Recall", "Precision")},
            "n": share(width=44, help=f"{what.capitalize()} images of this class"),
        },
        alt=f"Precision, recall and F1 of each class on the {what} images",
    )["selection"]["cells"]
    choose_class(run, names.index(str(rows[clicked[0][0]]["Class"])) if clicked else None)


def class_rows(
    names: Sequence[str], predictions: Sequence[Prediction]
) -> list[dict[str, str | float | int | None]]:
    """A row for each class, by rising F1; classes that do not occur come last."""
    return [
        {
            "Class": names[f.label],
            "n": f.n,
            "F1": _hundredfold(f.f1),
            "F1 from, to": _between(f.f1_interval),
            "Recall": _hundredfold(f.recall),
            "Recall from, to": _between(f.recall_interval),
            "Precision": _hundredfold(f.precision),
            "Precision from, to": _between(f.precision_interval),
        }
        for f in weakest_first(class_figures(predictions, len(names)))
    ]


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _between(interval: tuple[float, float] | None) -> str | None:
    return f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %" if interval else None
