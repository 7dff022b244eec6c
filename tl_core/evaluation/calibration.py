"""Calibration: reliability bins, temperature scaling, accuracy without the unsure answers."""

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
"""Probability whose logarithm is taken for that of 0."""
_COLDEST = 0.05
_HOTTEST = 20.0


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies above `low`, up to and including `high`."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean over them."""
    accuracy: float
    interval: tuple[float, float]
    """95 %, of the accuracy, after Wilson."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What is left when answers below a confidence are withheld."""

    threshold: float
    n: int
    """Images that are answered."""
    right: int


def reliability(predictions: Sequence[Prediction], n_bins: int = _BINS) -> list[Bin]:
    """Bins of equal width that hold an answer, from the least confident."""
    confidences, are_right = _answers(predictions)
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
    """Expected calibration error (Naeini et al. 2015): mean distance of confidence and accuracy, by images."""
    return sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / sum(b.n for b in bins)


def fit_temperature(predictions: Sequence[Prediction]) -> float | None:
    """Divisor of the logits that makes these answers' log-loss least (Guo et al. 2017).

    Fit it on validation images. Above 1 the model was too sure of itself. It changes no answer, only how sure it is.
    None where every answer is right: nothing would then be too sure.
    """
    if all(p.is_right for p in predictions):
        return None
    logits = _logits(predictions)
    labels = [p.true for p in predictions]

    def log_loss(log_temperature: float) -> float:
        log_p = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(log_p[np.arange(len(labels)), labels].mean())

    bounds = (float(np.log(_COLDEST)), float(np.log(_HOTTEST)))
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def at_temperature(predictions: Sequence[Prediction], temperature: float) -> list[Prediction]:
    """Predictions of the same model with its logits divided by `temperature`."""
    rows = softmax(_logits(predictions) / temperature, axis=1).tolist()
    return [
        Prediction(p.position, p.true, tuple(row)) for p, row in zip(predictions, rows, strict=True)
    ]


def answered(predictions: Sequence[Prediction], thresholds: Sequence[float]) -> list[Answered]:
    """For each threshold, the images whose answer is at least as confident, and how many of those are right."""
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
    """Logits [N, classes] up to a constant per image, which softmax does not see."""
    logits: NDArray[np.float64] = np.log(np.maximum([p.probabilities for p in predictions], _LEAST))
    return logits
