"""Confusion matrix on a run's page, and the images behind each of its cells."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from tl_core.charts.confusion import MAX_LABELLED_CLASSES, MatrixView, labels_shown
from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.runs.summary import class_names
from tl_core.text import isolated, number_of, share, shorten
from tl_ui.components.live_chart import clicked_before
from tl_ui.markdown import literal
from tl_ui.run.images import show_predictions
from tl_ui.run.overview import chart_key, draw_chart

Cell = tuple[int, int]
"""(true label, predicted label)."""
_BASE_HEIGHT = 260
"""Height of the chart without its rows, in pixels."""
_ROW_HEIGHT = 30
_MOST_HEIGHT = 640


def follow_matrix(run: Run) -> None:
    """Draw the confusion matrix of the latest validation while the run is under way."""
    _head()
    # Ten rows are a guess for a run that has not recorded its classes.
    draw_chart(run, "confusion", "Confusion matrix", _height(len(class_names(run, 10))))


def show_matrix(run: Run, split: str, predictions: Sequence[Prediction]) -> None:
    """Draw the confusion matrix of the test or of the latest validation.

    A click on a cell chooses it for `show_cell`.
    """
    _head()
    n = len(predictions[0].probabilities)
    view = _choose_view(run, n)
    kind = "confusion-test" if split == "test" else "confusion"
    height = _height(min(n, view.top or n))
    labels = labels_shown(predictions, n, view)
    # Before the chart is drawn, which outlines the chosen cell.
    if clicked := clicked_before(chart_key(run, kind, view.query)):
        # A click names row and column of the drawn part, whose order depends on the view.
        st.session_state[_key(run)] = labels[clicked["y"]], labels[clicked["x"]]
    draw_chart(
        run,
        kind,
        "Confusion matrix",
        height,
        view.query,
        clickable=True,
        marked=place_of(st.session_state.get(_key(run)), labels),
    )


def place_of(cell: Cell | None, labels: Sequence[int]) -> tuple[int, int] | None:
    """Return column and row of a cell in a chart with these labels; None if it has no such cell."""
    if cell is None or not set(cell) <= set(labels):
        return None
    true, predicted = cell
    return labels.index(predicted), labels.index(true)


def _head() -> None:
    st.subheader("Confusion matrix", help=GLOSSARY["confusion matrix"], anchor=False)
    st.caption("What is taken for what: a row for each true class, a column for each answer.")


def _height(n_rows: int) -> int:
    return min(_MOST_HEIGHT, _BASE_HEIGHT + _ROW_HEIGHT * n_rows)


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
            help="Counts are numbers of images. A share is relative to all images of the row's "
            "true class, so that rare and frequent classes can be compared.",
        )
        # Two classes are side by side in any order.
        by_mix_ups = n_classes > 2 and st.segmented_control(
            "Classes in order of",
            [False, True],
            default=False,
            required=True,
            format_func={False: "Name", True: "Mix-ups"}.__getitem__,
            key=f"order-{run.id}",
            help="In order of mix-ups, classes that are taken for each other stand side by side.",
        )
        top = None
        if n_classes > MAX_LABELLED_CLASSES:
            # Not required: nothing chosen is None, which means all classes as well.
            top = st.segmented_control(
                "Classes",
                [MAX_LABELLED_CLASSES, None],
                default=MAX_LABELLED_CLASSES,
                format_func=lambda n: f"The {n} most mixed up" if n else f"All {n_classes}",
                key=f"top-{run.id}",
            )
    return MatrixView(bool(shares), bool(by_mix_ups), top)


def show_cell(run: Run, predictions: Sequence[Prediction], what: str) -> None:
    """Draw the images of the cell that was clicked in the matrix or is chosen here.

    Args:
        predictions: all predictions that the matrix shows.
        what: "test" or "validation".
    """
    names = class_names(run, len(predictions[0].probabilities))
    key = _key(run)
    cells = cells_in_order(predictions)
    # An empty cell can be clicked too, but is no choice of the list below.
    clicked = st.session_state.get(key)
    if clicked and clicked not in cells:
        st.session_state[key] = None
        st.toast(f"No image: {literal(cell_words(names, clicked))}.", icon=":material/info:")
    cell = st.selectbox(
        "Images of a cell",
        list(cells),
        index=None,
        key=key,
        format_func=lambda cell: f"{cell_words(names, cell)}: {number_of(cells[cell], 'image')}",
        placeholder="Click a cell, or choose one here",
        help="Each cell of the matrix counts images. Mix-ups come first, the most frequent on top.",
    )
    if cell is None:
        return
    chosen = [p for p in predictions if (p.true, p.predicted) == cell]
    st.markdown(_outcome(names, cell, len(chosen), cells, what))
    surest_first = sorted(chosen, key=lambda p: -p.confidence)
    show_predictions(run, surest_first, what, f"{run.id}-cell-{cell}", page=12)


def _outcome(names: Sequence[str], cell: Cell, n: int, cells: dict[Cell, int], what: str) -> str:
    total = sum(size for (true, _), size in cells.items() if true == cell[0])
    true, answer = (f"**{literal(shorten(names[label], 60))}**" for label in cell)
    outcome = "recognised" if cell[0] == cell[1] else f"taken for {answer}"
    verb = "was" if n == 1 else "were"
    images = "image" if total == 1 else "images"
    return f"{share(n, total)} {what} {images} of {true} {verb} {outcome}."


def cells_in_order(predictions: Sequence[Prediction]) -> dict[Cell, int]:
    """Count the images of every cell; mix-ups before right answers, the most frequent first."""
    counts = Counter((p.true, p.predicted) for p in predictions)

    def rank(item: tuple[Cell, int]) -> tuple[bool, int, Cell]:
        (true, predicted), n = item
        return true == predicted, -n, item[0]

    return dict(sorted(counts.items(), key=rank))


def cell_words(names: Sequence[str], cell: Cell) -> str:
    """Return a cell as plain text, such as `cat taken for dog`."""
    true, answer = (isolated(shorten(names[label], 40)) for label in cell)
    return f"{true}, right" if cell[0] == cell[1] else f"{true} taken for {answer}"
