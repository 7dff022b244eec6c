"""Significance of the difference between runs on the same test images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from tl_core.errors import TransferLabError
from tl_core.records import Prediction
from tl_core.text import number_of

_RESAMPLES = 10_000
_LEVEL = 0.05
_ROUNDING = 1e-3
"""Relative difference of probabilities; different models never agree so closely on all images."""


class NotComparable(TransferLabError):
    """Runs were tested on different images, or have different classes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired comparison of a first and a second run on the same test images."""

    n: int
    only_first: int
    """Number of images that only the first classified correctly."""
    only_second: int
    difference: float
    """Accuracy of the first run minus that of the second."""
    low: float
    """Lower end of the 95 % interval of the difference: the wider of a paired bootstrap interval,
    which has no width if all images agree, and that of Bonett and Price (2012)."""
    high: float
    p_value: float
    """Exact p-value of McNemar's test (1947), corrected for all `pairs` of several runs."""
    is_same_model: bool = False
    """True if probabilities are equal up to rounding, as for a continued run without a better
    epoch."""
    pairs: int = 1
    """Number of pairs of runs that were compared."""

    @property
    def is_real(self) -> bool:
        """Return True if both the test and the interval exclude chance."""
        return self.p_value < _LEVEL and self._leaves_out_0

    @property
    def is_uncertain(self) -> bool:
        """Return True if the interval excludes 0 but the test does not exclude chance."""
        return self._leaves_out_0 and not self.is_real

    @property
    def _leaves_out_0(self) -> bool:
        return not self.low <= 0 <= self.high

    @property
    def agree(self) -> bool:
        """Return True if both runs are right on the same images."""
        return not self.only_first + self.only_second

    def say(self, first: str = "the first", second: str = "the second") -> str:
        """Describe the comparison in a sentence, with interval and n.

        For example: `Not shown to differ: 1.2 points more for the first, but anything from −0.9 to
        +3.3 points is possible with 380 images.`

        Args:
            first: name of the first run in the sentence.
            second: name of the second run.
        """
        if self.is_same_model:
            images = number_of(self.n, "test image")
            return f"The same model: both give {images} the very same probabilities."
        if self.agree:
            return (
                "Not shown to differ: both are right, and wrong, on the very same of "
                f"{number_of(self.n, 'image')}, but on others they may be up to "
                f"{_points(100 * self.high)} points apart either way (95 % interval)."
            )
        if not self._leaves_out_0:
            return self._say_not_shown(first, second)
        favours_second = self.difference < 0
        sign = -100 if favours_second else 100
        points = sign * self.difference
        ends = sorted((sign * self.low, sign * self.high))
        better = second if favours_second else first
        said = f"{better[:1].upper()}{better[1:]} is better"
        doubt = ""
        if self.is_uncertain:
            said = f"Not certain that {better} is better"
            doubt = f", but by McNemar's test it could be chance ({self._p_words}),"
        interval = " to ".join(map(_points, ends))
        return (
            f"{said}: {_points(points)} points, 95 % interval {interval}{doubt or ','} "
            f"n = {self.n:,}."
        )

    def _say_not_shown(self, first: str, second: str) -> str:
        """Say that chance explains the difference, and which differences remain possible.

        A wide interval around 0 does not show that the runs are equally good.
        """
        found = "both are right equally often"
        favours_second = self.difference < 0
        sign = -100 if favours_second else 100
        if self.difference:
            more_often = second if favours_second else first
            found = f"{_points(sign * self.difference)} points more for {more_often}"
        low, high = sorted((sign * self.low, sign * self.high))
        return (
            f"Not shown to differ: {found}, but anything from {_signed(low)} to {_signed(high)} "
            f"points is possible with {number_of(self.n, 'image')}."
        )

    @property
    def _p_words(self) -> str:
        corrected = (
            f", corrected for {number_of(self.pairs, 'pair')} of runs" if self.pairs > 1 else ""
        )
        return f"p = {self.p_value:.2g}{corrected}"


def compare(first: Sequence[Prediction], second: Sequence[Prediction], seed: int = 0) -> Comparison:
    """Compare two runs by their predictions of one test set.

    Args:
        first: one prediction per image, in any order, with positions of one dataset.
        seed: seed of the resampling.

    Raises:
        NotComparable: the images differ.
    """
    sides = [{p.position: p for p in side} for side in (first, second)]
    labels = [{position: p.true for position, p in side.items()} for side in sides]
    if not first or labels[0] != labels[1]:
        raise NotComparable(
            "The two runs were not tested on the same images: their figures cannot be compared."
        )
    right = np.array([[side[position].is_right for position in labels[0]] for side in sides])
    n = right.shape[1]
    only_first = int((right[0] & ~right[1]).sum())
    only_second = int((right[1] & ~right[0]).sum())
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    # The difference depends on these counts alone, so resampling them is resampling images.
    drawn = np.random.default_rng(seed).multinomial(n, shares, _RESAMPLES)
    ends = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    least, most = _adjusted_wald(only_first, only_second, n)
    low = min(float(ends[0]), least)
    high = max(float(ends[1]), most)
    mine, theirs = (
        np.array([side[position].probabilities for position in labels[0]]) for side in sides
    )
    # An absolute tolerance would accept all small probabilities as equal.
    same = mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=_ROUNDING, atol=0)
    p_value = float(_mcnemar(np.array(only_first), np.array(only_second)))
    return Comparison(
        n, only_first, only_second, (only_first - only_second) / n, low, high, p_value, same
    )


def compare_best(sides: Sequence[Sequence[Prediction]]) -> list[Comparison]:
    """Compare the first of several runs, the best of them, with each other one.

    P-values are those of `p_values_of_pairs`.

    Raises:
        NotComparable: the images differ.
    """
    found = [compare(sides[0], other) for other in sides[1:]]
    # Every column must belong to one image.
    rows = [sorted(side, key=lambda p: p.position) for side in sides]
    corrected = p_values_of_pairs(np.array([[p.is_right for p in row] for row in rows]))[
        0, 1:
    ].tolist()
    pairs = len(sides) * (len(sides) - 1) // 2
    return [replace(each, p_value=p, pairs=pairs) for each, p in zip(found, corrected, strict=True)]


def p_values_of_pairs(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """P-values [runs, runs] of McNemar's test of every two runs, corrected after Holm.

    The best run is chosen by the same images, so its comparisons are the most extreme of all pairs.
    A correction for these alone would call far more than 5 % of equally good runs better.

    Args:
        right: True where a run is right, bool [runs, images].
    """
    only = right.astype(np.int64) @ (~right).astype(np.int64).T
    # Each pair once, since Holm's correction depends on the number of tests.
    one, other = np.triu_indices(len(right), 1)
    p_values = np.ones((len(right), len(right)))
    p_values[one, other] = p_values[other, one] = holm(
        _mcnemar(only[one, other], only[other, one]).tolist()
    )
    return p_values


def _mcnemar(only_first: NDArray[np.int64], only_second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute exact, two-sided p-values of McNemar's test; 1 if no image differs."""
    # The exact test: the chi-squared approximation needs some 25 differing images.
    less = np.minimum(only_first, only_second)
    p_values: NDArray[np.float64] = np.minimum(
        1.0, 2 * bdtr(less.astype(float), only_first + only_second, 0.5)
    )
    return p_values


def _adjusted_wald(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Compute Wald's interval of a paired difference with one image added to each side."""
    first = (only_first + 1) / (n + 2)
    second = (only_second + 1) / (n + 2)
    half = 1.96 * ((first + second - (first - second) ** 2) / (n + 2)) ** 0.5
    return max(-1.0, first - second - half), min(1.0, first - second + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of several tests after Holm (1979)."""
    found = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(found)
    steps = found[order] * np.arange(len(found), 0, -1)
    corrected = np.empty_like(found)
    # A larger p-value must not be corrected to less than a smaller one.
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    rising: list[float] = corrected.tolist()
    return rising


def _points(value: float) -> str:
    """One decimal, with a true minus."""
    return f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−")


def _signed(value: float) -> str:
    """One decimal with its sign; 0.0 has none."""
    plus = "+" if round(value, 1) > 0 else ""
    return f"{plus}{_points(value)}"
