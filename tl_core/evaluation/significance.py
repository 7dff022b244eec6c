"""Whether one run is really better than another, or its images were merely lucky ones."""

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
"""Of a probability, however small: two models never agree so far on all of them, not even where both are sure."""


class NotComparable(TransferLabError):
    """Two runs were tested on different images, or have different classes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired comparison of two runs, the first and the second, on the same test images."""

    n: int
    only_first: int
    """Images that only the first named rightly."""
    only_second: int
    difference: float
    """Accuracy of the first minus that of the second."""
    low: float
    """With `high` the 95 % interval of the difference: the wider of a paired bootstrap's, which has no width where no
    image tells the runs apart, and the adjusted one of Bonett and Price (2012). It is of this pair alone."""
    high: float
    p_value: float
    """Exact, of McNemar's test (1947): how often chance alone would part two equal models at least so far. Of several
    runs it is corrected for all `pairs`."""
    is_same_model: bool = False
    """Both give every image the same probabilities, but for rounding: so does a run that continues another and finds no
    better epoch."""
    pairs: int = 1
    """Of runs, among which this one was looked at."""

    @property
    def is_real(self) -> bool:
        """Both say so: the test, and an interval that leaves out 0."""
        return self.p_value < _LEVEL and self._leaves_out_0

    @property
    def is_uncertain(self) -> bool:
        """They contradict each other: the interval leaves out 0, and the test finds that it could be chance."""
        return self._leaves_out_0 and not self.is_real

    @property
    def _leaves_out_0(self) -> bool:
        return not self.low <= 0 <= self.high

    @property
    def agree(self) -> bool:
        """Both are right on the very same images, and so wrong on the very same."""
        return not self.only_first + self.only_second

    def say(self, first: str = "the first", second: str = "the second") -> str:
        """`No real difference: 1.2 points, 95 % interval −0.9 to 3.3, n = 380.`

        Where test and interval contradict each other: `Not certain that the first is better: 11.7 points, 95 % interval
        0.2 to 23.3, but by McNemar's test it could be chance (p = 0.065), n = 60.`

        Where no image tells them apart: `No difference: both are right on the very same of 60 images; on others they
        may be 4.5 points apart either way (95 % interval).`

        Args:
            first: what to call the first run, and `second` the second.
        """
        if self.is_same_model:
            return f"The same model: both give {number_of(self.n, 'test image')} the very same probabilities."
        if self.agree:
            return (
                "No difference: both are right, and wrong, on the very same of "
                f"{number_of(self.n, 'image')}; on others they may be up to "
                f"{_points(100 * self.high)} points apart either way (95 % interval)."
            )
        favours_second = self._leaves_out_0 and self.difference < 0
        sign = -100 if favours_second else 100
        points = sign * self.difference
        ends = sorted((sign * self.low, sign * self.high))
        better = second if favours_second else first
        said = "No real difference"
        doubt = ""
        if self.is_real:
            said = f"{better[:1].upper()}{better[1:]} is better"
        elif self.is_uncertain:
            said = f"Not certain that {better} is better"
            doubt = f", but by McNemar's test it could be chance ({self._p_words}),"
        interval = " to ".join(map(_points, ends))
        return f"{said}: {_points(points)} points, 95 % interval {interval}{doubt or ','} n = {self.n:,}."

    @property
    def _p_words(self) -> str:
        corrected = (
            f", corrected for {number_of(self.pairs, 'pair')} of runs" if self.pairs > 1 else ""
        )
        return f"p = {self.p_value:.2g}{corrected}"


def compare(first: Sequence[Prediction], second: Sequence[Prediction], seed: int = 0) -> Comparison:
    """Compare two runs by their predictions of one test set.

    Args:
        first: one a image, in any order; the positions are those of one dataset.
        seed: of the resampling.

    Raises:
        NotComparable: they are not of the same images.
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
    drawn = np.random.default_rng(seed).multinomial(n, shares, _RESAMPLES)
    ends = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    least, most = _adjusted_wald(only_first, only_second, n)
    low = min(float(ends[0]), least)
    high = max(float(ends[1]), most)
    said = [np.array([side[position].probabilities for position in labels[0]]) for side in sides]
    same = said[0].shape == said[1].shape and np.allclose(said[0], said[1], rtol=_ROUNDING, atol=0)
    p_value = float(_mcnemar(np.array(only_first), np.array(only_second)))
    return Comparison(
        n, only_first, only_second, (only_first - only_second) / n, low, high, p_value, same
    )


def compare_best(sides: Sequence[Sequence[Prediction]]) -> list[Comparison]:
    """Compare the first of several runs, the best of them, with each other one.

    P-values are those of `p_values_of_pairs`.

    Raises:
        NotComparable: they are not of the same images.
    """
    found = [compare(sides[0], other) for other in sides[1:]]
    rows = [sorted(side, key=lambda p: p.position) for side in sides]
    corrected = p_values_of_pairs(np.array([[p.is_right for p in row] for row in rows]))[
        0, 1:
    ].tolist()
    pairs = len(sides) * (len(sides) - 1) // 2
    return [replace(each, p_value=p, pairs=pairs) for each, p in zip(found, corrected, strict=True)]


def p_values_of_pairs(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """P-values [runs, runs] of McNemar's test of every two runs, corrected after Holm.

    The best run is picked from the same images, so that its comparisons are the most striking ones of all: to correct
    for them alone would let far more than 5 in 100 picks of equally good runs seem better.

    Args:
        right: [runs, images].
    """
    only = right.astype(np.int64) @ (~right).astype(np.int64).T
    one, other = np.triu_indices(len(right), 1)
    p_values = np.ones((len(right), len(right)))
    p_values[one, other] = p_values[other, one] = holm(
        _mcnemar(only[one, other], only[other, one]).tolist()
    )
    return p_values


def _mcnemar(only_first: NDArray[np.int64], only_second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Exact, two-sided p-values of McNemar's test; 1 where no image tells the two apart."""
    less = np.minimum(only_first, only_second)
    p_values: NDArray[np.float64] = np.minimum(
        1.0, 2 * bdtr(less.astype(float), only_first + only_second, 0.5)
    )
    return p_values


def _adjusted_wald(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Wald's interval of a paired difference as if one image more had gone to each side."""
    first = (only_first + 1) / (n + 2)
    second = (only_second + 1) / (n + 2)
    half = 1.96 * ((first + second - (first - second) ** 2) / (n + 2)) ** 0.5
    return max(-1.0, first - second - half), min(1.0, first - second + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests at once, corrected after Holm (1979): the chance that any of them errs stays 5 %."""
    found = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(found)
    steps = found[order] * np.arange(len(found), 0, -1)
    corrected = np.empty_like(found)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    rising: list[float] = corrected.tolist()
    return rising


def _points(value: float) -> str:
    """One decimal, with a true minus."""
    return f"{value:.1f}".replace("-0.0", "0.0").replace("-", "−")
