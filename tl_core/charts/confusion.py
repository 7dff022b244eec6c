"""Confusion matrix as a figure, for two classes or two hundred."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.charts.chart import LABEL_LENGTH, Chart, Figure, make_figure
from tl_core.evaluation import confusion_matrix, most_mixed_up, order_by_mix_ups
from tl_core.records import Prediction
from tl_core.text import isolated, number_of, percent, plotly_text, share, shorten

MAX_LABELLED_CLASSES = 20
"""Largest number of classes for which each cell shows its count."""
MAX_OUTLINED_CLASSES = 30
MAX_TICKS = 60
"""Largest number of readable class names on an axis; a cell's tooltip has them anyway."""
_LEVEL_LENGTH = 10
"""Longest names of two classes that a phone has room for side by side, in characters.

Where they would overlap, Plotly leaves one of them out.
"""


@dataclass(frozen=True, slots=True)
class MatrixView:
    """View of a matrix: normalised or not, ordered or not, all classes or few."""

    shares: bool = False
    """Normalise by row: show each cell as a share of its true class."""
    by_mix_ups: bool = False
    """Order classes so that confused ones are neighbours; otherwise by name."""
    top: int | None = None
    """Number of classes to show, those with the most confusions; None for all."""

    @classmethod
    def from_query(cls, query: Any) -> "MatrixView":
        """Read a view from the query of a URL; missing or wrong values take their defaults."""
        return cls(
            query.get("shares") == "1",
            query.get("order") == "mix-ups",
            _read_top(query.get("top", "")),
        )

    @property
    def query(self) -> str:
        """Format the view as `from_query` reads it, each part followed by `&`."""
        top = f"top={self.top}&" if self.top else ""
        return f"{'shares=1&' * self.shares}{'order=mix-ups&' * self.by_mix_ups}{top}"


def _read_top(text: str) -> int | None:
    # `isdigit` alone accepts characters such as ², which `int` refuses.
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    if is_number and 2 <= int(text) <= 1000:
        return int(text)
    return None


@dataclass(frozen=True)
class _Shown:
    """Drawn part of a confusion matrix."""

    classes: Sequence[str]
    """Names of all classes. User text."""
    labels: list[int]
    """Labels of rows and columns, in order."""
    matrix: NDArray[np.int64]
    """Counts [true, predicted] of all classes."""

    @property
    def cells(self) -> NDArray[np.int64]:
        return self.matrix[np.ix_(self.labels, self.labels)]

    @property
    def shares(self) -> NDArray[np.float64]:
        # The whole row counts, hidden columns too; a row without images is divided by 1.
        totals = np.maximum(1, self.matrix.sum(1)[self.labels])
        shares: NDArray[np.float64] = self.cells / totals[:, None]
        return shares

    @property
    def n_hidden(self) -> int:
        """Return the number of confusions outside the drawn part."""
        wrong = int(self.matrix.sum() - self.matrix.trace())
        return wrong - int(self.cells.sum() - self.cells.trace())


_PLAIN = MatrixView()


def confusion_chart(
    predictions: Sequence[Prediction], classes: Sequence[str], where: str, view: MatrixView = _PLAIN
) -> Chart:
    """Draw true classes in rows and predicted ones in columns, as `labels_shown` lists them.

    Args:
        where: start of the title, such as "Validation after epoch 3".
    """
    shown = _choose(predictions, classes, view)
    n = len(shown.labels)
    cells = shown.cells
    trace: Figure = {
        "type": "heatmap",
        "z": (shown.shares if view.shares else cells).tolist(),
        "zmin": 0,
        # A matrix of zeros needs a colour range, too.
        "zmax": 1 if view.shares else int(cells.max(initial=0)) or 1,
        "colorscale": [[0, "@surface"], [1, "@accent"]],
        # In small cells, gaps would cover much of the colour.
        "xgap": 1 if n <= MAX_OUTLINED_CLASSES else 0,
        "ygap": 1 if n <= MAX_OUTLINED_CLASSES else 0,
        # Where each cell shows its number, colours need no legend.
        "showscale": n > MAX_LABELLED_CLASSES,
        "colorbar": {"thickness": 10, "outlinewidth": 0, **_steps(cells, view)},
        "hoverinfo": "text",
        "hovertext": _hover(shown),
    }
    if n <= MAX_LABELLED_CLASSES:
        percents = [[f"{100 * v:.0f} %" for v in row] for row in shown.shares.tolist()]
        trace["text"] = percents if view.shares else cells.tolist()
        trace["texttemplate"] = "%{text}"
    title = _title(predictions, where)
    if n < len(classes):
        title += f"; the {n} classes with most mix-ups"
    return Chart(
        title,
        _alt(shown, title),
        make_figure([trace], _layout(shown)),
        height=min(720, 260 + 30 * n),
    )


def _steps(cells: NDArray[np.int64], view: MatrixView) -> Figure:
    """Return distinct whole numbers for the colour bar."""
    if view.shares:
        return {"tickformat": ".0%"}
    # For small counts Plotly would mark fractions, which rounding turns into repeated numbers.
    return {"tickformat": "d"} | ({"dtick": 1} if cells.max(initial=0) < 6 else {})


def _choose(predictions: Sequence[Prediction], classes: Sequence[str], view: MatrixView) -> _Shown:
    matrix = confusion_matrix(predictions, len(classes))
    return _Shown(classes, _labels(matrix, view), matrix)


def labels_shown(predictions: Sequence[Prediction], n_classes: int, view: MatrixView) -> list[int]:
    """Return the label of each row and column of the chart."""
    return _labels(confusion_matrix(predictions, n_classes), view)


def _labels(matrix: NDArray[np.int64], view: MatrixView) -> list[int]:
    labels = most_mixed_up(matrix, view.top) if view.top else list(range(len(matrix)))
    if view.by_mix_ups:
        labels = [labels[i] for i in order_by_mix_ups(matrix[np.ix_(labels, labels)])]
    return labels


def _hover(shown: _Shown) -> list[list[str]]:
    """Return the tooltips; with many classes only of cells that are not empty."""
    names = [plotly_text(shorten(name, 80)) for name in shown.classes]
    # Tooltips grow with the square of the classes and would make the page slow to load.
    speaks_always = len(shown.labels) <= MAX_OUTLINED_CLASSES
    totals = shown.matrix.sum(1).tolist()

    def speak(true: int, answer: int, n: int) -> str:
        if not (n or speaks_always):
            return ""
        word = "✓ right" if true == answer else "✗ wrong"
        part = (
            f"{share(n, totals[true])} ({percent(n / totals[true])})"
            if totals[true]
            else "no images"
        )
        return f"{word}<br>True: {names[true]}<br>Answer: {names[answer]}<br>{part}"

    return [
        [speak(true, answer, n) for answer, n in zip(shown.labels, row, strict=True)]
        for true, row in zip(shown.labels, shown.cells.tolist(), strict=True)
    ]


def _layout(shown: _Shown) -> Figure:
    n = len(shown.labels)
    names = [plotly_text(shorten(shown.classes[label], LABEL_LENGTH)) for label in shown.labels]
    axis = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    axis |= (
        {"tickvals": list(range(n)), "ticktext": names}
        if n <= MAX_TICKS
        else {"showticklabels": False}
    )
    diagonal = {
        "type": "rect",
        "line": {"color": "@text", "width": 1.5},
        "fillcolor": "rgba(0,0,0,0)",
    }
    outlined = range(n) if n <= MAX_OUTLINED_CLASSES else ()
    is_slanted = n > 2 or max(map(len, names), default=0) > _LEVEL_LENGTH
    return {
        # Slanted to the left: to the right the last label would leave the page.
        "xaxis": axis
        | {"title": {"text": "Model's answer"}, **({"tickangle": -40} if is_slanted else {})},
        "yaxis": axis
        | {
            "title": {"text": "True class"},
            # A heat-map's first row is at the bottom, a matrix's at the top.
            "autorange": "reversed",
            # Cells are square, so that the diagonal looks like one.
            "scaleanchor": "x",
            "constraintoward": "top",
        },
        # Right answers are outlined: told by shape, not by colour alone.
        "shapes": [
            diagonal | {"x0": i - 0.5, "x1": i + 0.5, "y0": i - 0.5, "y1": i + 0.5}
            for i in outlined
        ],
        "showlegend": False,
        "uirevision": "keep",
    }


def _title(predictions: Sequence[Prediction], where: str) -> str:
    if not predictions:
        return f"{where}: nothing measured yet"
    right = sum(p.is_right for p in predictions)
    n = len(predictions)
    return f"{where}: {share(right, n)} images right ({percent(right / n)})"


def _alt(shown: _Shown, title: str) -> str:
    text = f"Confusion matrix of {number_of(len(shown.labels), 'class', 'classes')}. {title}."
    mistakes = shown.matrix.copy()
    np.fill_diagonal(mistakes, 0)
    worst = [
        divmod(int(i), len(mistakes)) for i in np.argsort(-mistakes, axis=None, kind="stable")[:3]
    ]
    names = [isolated(name) for name in shown.classes]
    named = [
        f"{names[t]} taken for {names[a]} ({mistakes[t, a]})" for t, a in worst if mistakes[t, a]
    ]
    text += f" Most frequent mistakes: {', '.join(named)}." if named else ""
    return text + (
        f" {number_of(shown.n_hidden, 'mix-up')} of other classes not shown."
        if shown.n_hidden
        else ""
    )
