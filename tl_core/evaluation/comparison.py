"""Whether one run is really better than another, or its images were merely lucky ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from tl_core.errors import TransferLabError
from tl_core.records import Prediction

_RESAMPLES = 10_000
_LEVEL = 0.05


class NotComparable(TransferLabError):
    """Two runs were tested on different images, or have different classes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two runs, the first and the second, on the same test images."""

    n: int
    only_first: int
    """Images that only the first named rightly."""
    only_second: int
    difference: float
    """Accuracy of the first minus that of the second."""
    low: float
    """With `high` the 95 % interval of the difference, from a paired bootstrap."""
    high: float
    p_value: float
    """Exact, of McNemar's test (1947): how often chance alone would part two equal models at least so far."""

    @property
    def is_real(self) -> bool:
        """Both say so: the test, and an interval that leaves out 0."""
        return self.p_value < _LEVEL and not self.low <= 0 <= self.high

    def say(self, first: str = "the first", second: str = "the second") -> str:
        """`No real difference: 1.2 points, 95 % interval −0.9 to 3.3, n = 380.`

        Args:
            first: what to call the first run, and `second` the second.
        """
        if not self.only_first and not self.only_second:
            return f"No difference: both named the same images rightly, n = {self.n:,}."
        favours_second = self.is_real and self.difference < 0
        sign = -100 if favours_second else 100
        points, *ends = sign * self.difference, *sorted((sign * self.low, sign * self.high))
        better = second if favours_second else first
        said = f"{better[:1].upper()}{better[1:]} is better" if self.is_real else "No real difference"
        interval = " to ".join(map(_points, ends))
        return f"{said}: {_points(points)} points, 95 % interval {interval}, n = {self.n:,}."


def compare(first: Sequence[Prediction], second: Sequence[Prediction], seed: int = 0) -> Comparison:
    """Of two runs' predictions of one test set.

    Args:
        first: one a image, in any order; the positions are those of one dataset.
        seed: of the resampling.

    Raises:
        NotComparable: they are not of the same images.
    """
    sides = [{p.position: p for p in side} for side in (first, second)]
    labels = [{position: p.true for position, p in side.items()} for side in sides]
    if not first or labels[0] != labels[1]:
        raise NotComparable("The two runs were not tested on the same images: their figures cannot be compared.")
    right = np.array([[side[position].is_right for position in labels[0]] for side in sides])
    n = right.shape[1]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, _RESAMPLES)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    apart = only_first + only_second
    p_value = float(binomtest(only_first, apart).pvalue) if apart else 1.0
    return Comparison(n, only_first, only_second, (only_first - only_second) / n, float(low), float(high), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests at once, corrected after Holm (1979): the chance that any of them errs stays 5 %."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = list(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _points(value: float) -> str:
    """One decimal, with a true minus."""
    return f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−")
