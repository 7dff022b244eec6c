"""Calibration: reliability bins, temperature scaling, accuracy above a confidence threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tl_core.evaluation.intervals import wilson_interval
from tl_core.records import Prediction

_BINS = 10
_LEAST = 1e-30
"""Smallest probability; its logarithm stands for that of 0."""
# Bounds of the search: beyond them, a model would be sure of everything or of nothing.
_COLDEST = 0.05
_HOTTEST = 20.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Bin of predictions whose confidence lies above `low`, up to and including `high`."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean confidence."""
    accuracy: float
    interval: tuple[float, float]
    """Wilson's 95 % interval of the accuracy."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Predictions that are left when those below a confidence are withheld."""

    threshold: float
    n: int
    """Number of images with a prediction."""
    right: int


def reliability(predictions: Sequence[Prediction], n_bins: int = _BINS) -> list[Bin]:
    """Return the bins of equal width that are not empty, from the least confident."""
    confidences, are_right = _answers(predictions)
    # A bin includes its upper end, and the first one also a confidence of 0.
    places = np.clip(np.ceil(confidences * n_bins).astype(int) - 1, 0, n_bins - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        n = int(inside.sum())
        right = int(are_right[inside].sum())
        confidence = float(confidences[inside].mean())
        bins.append(
            Bin(
                place / n_bins,
                (place + 1) / n_bins,
                n,
                confidence,
                right / n,
                wilson_interval(right, n),
            )
        )
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Compute the expected calibration error, weighted by images (Naeini et al. 2015)."""
    return sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / sum(b.n for b in bins)


def fit_temperature(predictions: Sequence[Prediction]) -> float | None:
    """Fit the temperature: the divisor of the logits with the least log-loss (Guo et al. 2017).

    It is fitted on validation images. Above 1 the model was overconfident. It changes confidences
    and no predicted label. None if all predictions are right, since then no confidence is too high.
    """
    if all(p.is_right for p in predictions):
        return None
    logits = _logits(predictions)
    labels = [p.true for p in predictions]

    # In the logarithm, halving and doubling the temperature are steps of equal size.
    def log_loss(log_temperature: float) -> float:
        log_p = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(log_p[np.arange(len(labels)), labels].mean())

    bounds = (float(np.log(_COLDEST)), float(np.log(_HOTTEST)))
    # The loss is convex in the inverse temperature, so this finds its only minimum.
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def at_temperature(predictions: Sequence[Prediction], temperature: float) -> list[Prediction]:
    """Recompute the predictions with the logits divided by `temperature`."""
    rows = softmax(_logits(predictions) / temperature, axis=1).tolist()
    return [
        Prediction(p.position, p.true, tuple(row)) for p, row in zip(predictions, rows, strict=True)
    ]


def answered(predictions: Sequence[Prediction], thresholds: Sequence[float]) -> list[Answered]:
    """Count for each threshold the predictions that reach it, and the right ones among them."""
    confidences, are_right = _answers(predictions)
    kept = [confidences >= threshold for threshold in thresholds]
    return [
        Answered(t, int(k.sum()), int(are_right[k].sum()))
        for t, k in zip(thresholds, kept, strict=True)
    ]


def _answers(predictions: Sequence[Prediction]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidences = np.array([p.confidence for p in predictions])
    return confidences, np.array([p.is_right for p in predictions])


def _logits(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    """Return logits [N, classes] up to a constant per image, which softmax ignores."""
    logits: NDArray[np.float64] = np.log(np.maximum([p.probabilities for p in predictions], _LEAST))
    return logits
