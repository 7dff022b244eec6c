"""Metrics of one split with their 95 % intervals."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.errors import Diverged, RunNotReady
from tl_core.evaluation.intervals import (
    Interval,
    mean_area_interval,
    mean_loss_interval,
    mean_share_interval,
    wilson_interval,
)
from tl_core.records import Prediction
from tl_core.text import count, number_of

Floats = NDArray[np.float64]
RESAMPLES = 1_000
_MOST_WORK = 3e8
"""Largest images × classes × resamples for one metric: about a second."""
_LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""Smallest probability, so that the loss of an impossible class stays finite."""


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    low: float
    """Lower end of the 95 % interval for the metric on all images of the same kind."""
    high: float

    @property
    def value_words(self) -> str:
        """Value formatted as `0.874`."""
        return f"{self.value:.3f}"

    @property
    def interval_words(self) -> str:
        """Interval formatted as `0.831 to 0.907`."""
        return f"{self.low:.3f} to {self.high:.3f}"


@dataclass(frozen=True, slots=True)
class Judgement:
    n: int
    """Number of images behind every metric."""
    accuracy: Figure
    """Accuracy with Wilson's interval. The other metrics have the wider of a bootstrap interval,
    which has no width if all are right, and a formula's (`intervals`)."""
    balanced_accuracy: Figure
    """Mean recall over the classes of the split."""
    precision_macro: Figure
    """Mean over the classes among true or predicted labels, as recall and F1 below."""
    recall_macro: Figure
    f1_macro: Figure
    log_loss: Figure
    """Mean cross-entropy in nats."""
    roc_auc: Figure | None
    """Mean one-vs-rest ROC AUC over the classes; None if the split has one class only."""
    majority_accuracy: float | None
    """Accuracy of the training set's most frequent class; None if that class is not known."""
    chance: float
    """Accuracy of guessing all classes with equal probability."""


@dataclass(frozen=True, slots=True)
class _Tables:
    """Predictions in arrays."""

    labels: NDArray[np.int64]
    """True labels [N]."""
    probabilities: Floats
    """Probabilities [N, classes]."""

    @property
    def answers(self) -> NDArray[np.int64]:
        answers: NDArray[np.int64] = np.argmax(self.probabilities, 1)
        return answers


def judge(
    predictions: Sequence[Prediction],
    majority_label: int | None,
    seed: int = 0,
    what: str = "image",
) -> Judgement:
    """Compute all metrics of a split.

    Args:
        majority_label: most frequent class of the training set.
        seed: seed of the resampling.
        what: noun for the images, such as "test image".

    Raises:
        RunNotReady: there are no predictions.
        Diverged: some probabilities are not finite.
    """
    tables = _as_tables(predictions, what)
    n, k = tables.probabilities.shape
    right = int((tables.labels == tables.answers).sum())
    of_true = tables.probabilities[np.arange(n), tables.labels]
    losses = -np.log(np.maximum(of_true, _LEAST_PROBABILITY))
    loss_interval = mean_loss_interval(losses, float(np.log(k)))
    majority_accuracy = None
    if majority_label is not None:
        majority_accuracy = float((tables.labels == majority_label).mean())
    counts = _Counts.of(tables.labels, tables.answers, np.ones(n), k)
    spread = np.stack([_macro_figures(drawn) for drawn in _resampled_counts(tables, k, seed)])
    balanced, precision, recall, f1 = (
        _figure(value, resamples, mean_share_interval(float(value), sizes))
        for value, resamples, sizes in zip(
            _macro_figures(counts), spread.T, _sizes(counts), strict=True
        )
    )
    return Judgement(
        n=n,
        accuracy=Figure(right / n, *wilson_interval(right, n)),
        balanced_accuracy=balanced,
        precision_macro=precision,
        recall_macro=recall,
        f1_macro=f1,
        log_loss=_bootstrap(lambda weights: weights @ losses / n, n, k, seed, loss_interval),
        roc_auc=_auc_figure(tables, seed),
        majority_accuracy=majority_accuracy,
        chance=1 / k,
    )


def _as_tables(predictions: Sequence[Prediction], what: str) -> _Tables:
    if not predictions:
        raise RunNotReady("There are no predictions to judge: train to the end first.")
    if unusable := sum(not p.is_number for p in predictions):
        raise Diverged(
            f"For {count(unusable)} of {number_of(len(predictions), what)} the model's answers "
            "are not numbers: they count as wrong, and there are no other figures. Train again "
            "with a lower learning rate."
        )
    return _Tables(
        np.array([p.true for p in predictions]), np.array([p.probabilities for p in predictions])
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Margins of a confusion matrix: right, predicted and true images of each class."""

    right: NDArray[Any]
    predicted: NDArray[Any]
    true: NDArray[Any]

    @classmethod
    def of(
        cls, true: NDArray[np.int64], answers: NDArray[np.int64], counts: NDArray[Any], k: int
    ) -> "_Counts":
        """Count from pairs of true and predicted label, each of `counts` images."""

        def by(labels: NDArray[np.int64], weights: NDArray[Any]) -> Floats:
            return np.asarray(np.bincount(labels, weights, k), np.float64)

        return cls(by(true, counts * (true == answers)), by(answers, counts), by(true, counts))


def _resampled_counts(tables: _Tables, k: int, seed: int) -> Iterator[_Counts]:
    """Yield bootstrap resamples as margins, one at a time to spare memory."""
    # Resampling the cells of the confusion matrix has the same distribution as resampling images
    # and takes less time.
    cells, counts = np.unique(tables.labels * k + tables.answers, return_counts=True)
    true, answers = np.divmod(cells, k)
    n = len(tables.labels)
    generator = np.random.default_rng(seed)
    for _ in range(_resamples(n, 1)):
        yield _Counts.of(true, answers, generator.multinomial(n, counts / n), k)


def _macro_figures(counts: _Counts) -> Floats:
    """Compute balanced accuracy, and precision, recall and F1 averaged over occurring classes."""
    either = counts.predicted + counts.true
    occur = either > 0
    # A class without images is divided by 1 and so gives 0, as in scikit-learn.
    precision = counts.right / np.maximum(counts.predicted, 1)
    recall = counts.right / np.maximum(counts.true, 1)
    f1 = 2 * counts.right / np.maximum(either, 1)
    means = [share[occur].mean() for share in (precision, recall, f1)]
    return np.array([recall[counts.true > 0].mean(), *means])


def _sizes(counts: _Counts) -> tuple[Floats, ...]:
    """Return the images behind each class's share, for each of `_macro_figures`."""
    true = counts.true
    either = counts.predicted + true
    occur = either > 0
    # F1 is a share of the mean of predicted and true images.
    return true[true > 0], counts.predicted[occur], true[occur], either[occur] / 2


def _auc_figure(tables: _Tables, seed: int) -> Figure | None:
    n, k = tables.probabilities.shape
    classes = [label for label in range(k) if 0 < (tables.labels == label).sum() < n]
    if not classes:
        return None
    ranked = [
        _Ranked.of(tables.probabilities[:, label], tables.labels == label) for label in classes
    ]

    def mean_area(weights: Floats) -> Floats:
        areas = np.array([each.areas(weights) for each in ranked])
        there = np.isfinite(areas).sum(0)
        return np.where(there > 0, np.nansum(areas, axis=0) / np.maximum(there, 1), np.nan)

    its = np.array([each.is_it.sum() for each in ranked], dtype=float)
    areas = np.array([float(each.areas(np.ones((1, n)))[0]) for each in ranked])
    return _bootstrap(mean_area, n, k, seed, mean_area_interval(areas, its, n - its))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Images sorted by the probability of one class, with the places where it changes."""

    order: NDArray[np.int64]
    is_it: NDArray[np.bool_]
    """True for images of the class, in that order."""
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Floats, is_it: NDArray[np.bool_]) -> "_Ranked":
        order = np.argsort(scores, kind="stable")
        # Images of equal probability are one step; -1 lies below them all and opens the first.
        starts = np.flatnonzero(np.diff(scores[order], prepend=-1.0))
        return cls(order, is_it[order], starts)

    def areas(self, weights: Floats) -> Floats:
        """Compute the ROC AUC for each row of weights [B, N]; NaN if one side is empty."""
        weights = weights[:, self.order]
        its = np.add.reduceat(weights * self.is_it, self.starts, axis=1)
        others = np.add.reduceat(weights * ~self.is_it, self.starts, axis=1)
        # Ties count half, as in the Mann-Whitney statistic.
        below = np.cumsum(others, axis=1) - others / 2
        pairs = its.sum(1) * others.sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(pairs > 0, (its * below).sum(1) / pairs, np.nan)


def _bootstrap(
    figure: Callable[[Floats], Floats], n: int, k: int, seed: int, at_least: Interval
) -> Figure:
    """Bootstrap a metric that is computed from weights [B, N] of the images."""
    value = float(figure(np.ones((1, n)))[0])
    generator = np.random.default_rng(seed)
    left = _resamples(n, k)
    found: list[Floats] = []
    # Blocks of two million weights take 16 MB, however many resamples there are.
    at_once = max(1, 2_000_000 // n)
    while left > 0:
        rows = min(left, at_once)
        # Drawing n images with replacement gives multinomial counts.
        found.append(figure(generator.multinomial(n, np.full(n, 1 / n), rows).astype(np.float64)))
        left -= rows
    return _figure(value, np.concatenate(found), at_least)


def _resamples(n: int, k: int) -> int:
    return int(min(RESAMPLES, max(100, _MOST_WORK / (n * k))))


def _figure(value: float, resamples: Floats, at_least: Interval) -> Figure:
    """Combine the resamples' interval and `at_least`, taking the wider at each end."""
    low, high = at_least
    # A resample in which one side is missing has no ROC AUC.
    if np.isfinite(resamples).any():
        ends = np.nanpercentile(resamples, [2.5, 97.5])
        low = min(low, float(ends[0]))
        high = max(high, float(ends[1]))
    # The percentiles of a skewed bootstrap may miss the value, which belongs inside.
    return Figure(float(value), float(min(low, value)), float(max(high, value)))
