"""Ticks of logarithmic axes: few round numbers, written as the page writes them."""

import math
from collections.abc import Callable, Sequence

from tl_core.charts.chart import Figure

_FEWEST = 3
_MOST = 6
_STEPS = ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10)))
"""Leading digits of the ticks, the coarsest choice first."""


def log_axis(values: Sequence[float], words: Callable[[float], str]) -> Figure:
    """Return the axis for these values, with three to six ticks.

    Plotly's own ticks repeat bare digits (2, 5) between the powers of ten, or crowd.

    Args:
        values: above 0; at least one.
        words: text of a tick.
    """
    low = math.log10(min(values))
    high = math.log10(max(values))
    # Never so little that the points lie at the edges, nor a single value without a range.
    margin = max(0.08 * (high - low), 0.1)
    ends = (low - margin, high + margin)
    ticks = _ticks(10 ** ends[0], 10 ** ends[1])
    return {
        "type": "log",
        "range": list(ends),
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [words(tick) for tick in ticks],
    }


def _ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in _STEPS:
        all_ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        ticks = [tick for tick in all_ticks if low <= tick <= high]
        if len(ticks) >= _FEWEST:
            return ticks[:: math.ceil(len(ticks) / _MOST)]
    # Less than one leading digit apart: multiples of a round step, as on a linear axis.
    rough = (high - low) / _FEWEST
    unit = 10.0 ** math.floor(math.log10(rough))
    step = max(factor * unit for factor in (1, 2, 5) if factor * unit <= rough)
    first = math.ceil(low / step)
    return [step * n for n in range(first, math.floor(high / step) + 1)][:_MOST]
