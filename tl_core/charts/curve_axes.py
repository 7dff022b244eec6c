"""Axes and points of learning curves: layouts, thinned points, extreme values cut off."""

import math
from collections.abc import Sequence
from statistics import median_low
from typing import Any

from tl_core.charts.chart import Figure
from tl_core.records import MetricPoint
from tl_core.text import number_of

# More points can hardly be told apart at the width of a page, and slow it down.
MAX_BATCH_POINTS = 500
TOWERS = 3
"""Multiple of the usual loss of a run above which a value is cut off by the axis."""
TO_SEE_ALL = ": double-click the chart to see all"
"""Hint in a title on screen, empty on paper."""
UNTRAINED = 8.0
"""Loss of guessing among 3,000 classes, in nats: a bound for all losses of interest."""


def series(points: Sequence[MetricPoint], split: str, name: str) -> list[MetricPoint]:
    return [point for point in points if (point.split, point.name) == (split, name)]


def finite(value: float) -> float | None:
    """Replace NaN by None: JSON has no NaN, and Plotly leaves a gap at null."""
    return value if math.isfinite(value) else None


def thinned(points: list[Any], most: int = MAX_BATCH_POINTS) -> list[Any]:
    return points[:: max(1, math.ceil(len(points) / most))]


def curve_layout(x_title: str, y_title: str, *, is_empty: bool = False) -> Figure:
    """Args: is_empty: there is nothing to measure the axes by, so they carry no numbers."""
    blank = {"range": [0, 1], "showticklabels": False} if is_empty else {}
    return {
        "xaxis": {"title": {"text": x_title}, "zeroline": False, **blank},
        "yaxis": {"title": {"text": y_title}, "zeroline": False, **blank},
        "hovermode": "closest",
        "showlegend": True,
        # What stays the same here tells Plotly to keep the reader's zoom and choice of lines.
        "uirevision": "keep",
    }


def epoch_axis(n: int, epochs: int) -> Figure:
    """Return the axis for `n` of `epochs` epochs; all of them while few are done."""
    if n < 2:
        # Around a single point, Plotly would mark fractions of epochs.
        return {"range": [0.5, max(epochs, 2) + 0.5], **({"dtick": 1} if epochs <= 12 else {})}
    return {"rangemode": "tozero"} if n > 12 else {"dtick": 1}


def cut_off(layout: Figure, lines: Sequence[Sequence[float]]) -> str:
    """End the loss axis below extreme values, so that the others can be seen, and say so.

    The usual loss is measured by the median of each line and by the very first value: an untrained
    model's loss is high but no outlier.
    """
    known = [[value for value in line if math.isfinite(value)] for line in lines]
    known = [line for line in known if line]
    if not known:
        return ""
    # `median_low` of two values is the smaller, so that one outlier of two is not usual.
    usual = max(*(2 * median_low(line) for line in known), min(known[0][0], UNTRAINED))
    values = [value for line in known for value in line]
    beyond = [value for value in values if value > TOWERS * usual]
    if not beyond:
        return ""
    end = 1.05 * max(value for value in values if value <= TOWERS * usual)
    layout["yaxis"]["range"] = [0, end]
    n = number_of(len(beyond), "value")
    return f" ({n} above {end:.2g}, up to {max(beyond):.3g}, left out of view{TO_SEE_ALL})"
