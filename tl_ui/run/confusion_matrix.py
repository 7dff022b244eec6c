"""The confusion matrix on a run's page, and the images behind each of its cells."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from tl_core.charts.confusion import MAX_LABELLED_CLASSES, MatrixView, labels_shown
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.runs.summary import class_names
from tl_core.text import isolated, number_of, share, shorten
from tl_ui.markdown import literal
from tl_ui.run.images import show_predictions
from tl_ui.run.overview import draw_chart

Cell = tuple[int, int]
"""(true label, answered label)."""
_TALL, _ROW = 260, 30
"""Pixels of a matrix without rows, and of each row."""


def follow_matrix(run: Run) -> None:
    """Of the latest validation, while the run is under way."""
    _head()
    draw_chart(run, "confusion", "Confusion matrix", _height(len(class_names(run, 10))))


def show_matrix(run: Run, split: str, predictions: Sequence[Prediction]) -> None:
    """Of the test or of the latest validation; a click on a cell chooses it for `show_cell`."""
    _head()
    n = len(predictions[0].probabilities)
    view = _choose_view(run, n)
    kind = "confusion-test" if split == "test" else "confusion"
    height = _height(min(n, view.top or n))
    clicked = draw_chart(run, kind, "Confusion matrix", height, view.query, clickable=True)
    if clicked:
        labels = labels_shown(predictions, n, view)
        st.session_state[_key(run)] = labels[clicked["y"]], labels[clicked["x"]]


def _head() -> None:
    st.subheader("What is taken for what", help=GLOSSARY["confusion matrix"], anchor=False)


def _height(n_rows: int) -> int:
    return min(640, _TALL + _ROW * n_rows)


def _key(run: Run) -> str:
    return f"cell-{run.id}"


def _choose_view(run: Run, n_classes: int) -> MatrixView:
    with st.container(horizontal=True, gap="medium"):
        shares = st.segmented_control(
            "Cells show",
            [False, True],
            default=False,
            required=True,
            format_func={False: "Counts", True: "Share of each row"}.__getitem__,
            key=f"cells-{run.id}",
            help="Counts are images. A share tells, of all images that really are of the row's class, how many got "
            "the column's answer: it makes rare and frequent classes comparable.",
        )
        by_mix_ups = n_classes > 2 and st.segmented_control(
            "Classes in order of",
            [False, True],
            default=False,
            required=True,
            format_func={False: "Name", True: "Mix-ups"}.__getitem__,
            key=f"order-{run.id}",
            help="In order of mix-ups, classes that are taken for each other stand side by side.",
        )
        top = MAX_LABELLED_CLASSES if n_classes > MAX_LABELLED_CLASSES else None
        if top:
            top = st.segmented_control(
                "Classes",
                [top, None],
                default=top,
                format_func=lambda n: f"The {n} most mixed up" if n else f"All {n_classes}",
                key=f"top-{run.id}",
            )
    return MatrixView(bool(shares), bool(by_mix_ups), top)


def show_cell(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """The images of the cell that was clicked in the matrix or is chosen here.

    Args:
        predictions: all that the matrix shows.
        what: "test" or "validation".
    """
    names, key = class_names(run, len(predictions[0].probabilities)), _key(run)
    cells = cells_in_order(predictions)
    if (wanted := st.session_state.get(key)) and wanted not in cells:
        words = cell_words(names, wanted)
        st.session_state[key] = None
        st.toast(f"No image: {literal(words)}.", icon=":material/info:")
    cell = st.selectbox(
        "Images of a cell",
        list(cells),
        index=None,
        key=key,
        format_func=lambda cell: f"{cell_words(names, cell)}: {number_of(cells[cell], 'image')}",
        placeholder="Click a cell, or choose one here",
        help="Each cell of the matrix stands for images. Mix-ups come first, the most frequent at the top.",
    )
    if cell is None:
        return
    chosen = [p for p in predictions if (p.true, p.predicted) == cell]
    total = sum(n for (true, _), n in cells.items() if true == cell[0])
    true, answer = (f"**{literal(shorten(names[label], 60))}**" for label in cell)
    verb = "was" if len(chosen) == 1 else "were"
    outcome = "recognised" if cell[0] == cell[1] else f"taken for {answer}"
    images = "image" if total == 1 else "images"
    st.markdown(f"{share(len(chosen), total)} {what} {images} of {true} {verb} {outcome}.")
    show_predictions(
        run, sorted(chosen, key=lambda p: -p.confidence), what, f"{run.id}-cell-{cell}", page=12
    )


def cells_in_order(predictions: Sequence[Prediction]) -> dict[Cell, int]:
    """Every cell that has images, with how many: mix-ups before right answers, the most frequent first."""
    counts = Counter((p.true, p.predicted) for p in predictions)
    return dict(
        sorted(counts.items(), key=lambda item: (item[0][0] == item[0][1], -item[1], item[0]))
    )


def cell_words(names: Sequence[str], cell: Cell) -> str:
    """Plain text."""
    true, answer = (isolated(shorten(names[label], 40)) for label in cell)
    return f"{true}, right" if cell[0] == cell[1] else f"{true} taken for {answer}"
