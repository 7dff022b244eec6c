"""Orders in which a run's predictions are looked at, the most instructive first."""

import math
from collections.abc import Sequence

from tl_core.records import Prediction

VIEWS = {
    "wrong": "Most confident wrong",
    "right": "Least confident right",
    "loss": "Highest loss",
    "classes": "Class by class",
}
"""Title of each view."""
EXPLAINED = {
    "wrong": "The most confident mistakes come first. Look for wrong labels among them, "
    "and for what they have in common.",
    "right": "Right answers, the least confident first: the most likely mistakes on other images.",
    "loss": "All images; first those whose true class got the lowest probability.",
    "classes": "For each class, its images with the lowest and with the highest probability of the "
    "true class.",
}
"""Sentence below each view."""


def in_order(predictions: Sequence[Prediction], view: str) -> list[Prediction]:
    """Return the predictions of a view in its order; a confidence of NaN counts as the worst."""
    if view == "wrong":
        wrong = [p for p in predictions if not p.is_right]
        return sorted(wrong, key=lambda p: -_finite(p.confidence, 1.0))
    if view == "right":
        right = [p for p in predictions if p.is_right]
        return sorted(right, key=lambda p: _finite(p.confidence, 0.0))
    return sorted(predictions, key=lambda p: -loss_of(p))


def loss_of(prediction: Prediction) -> float:
    """Return the cross-entropy in nats; infinite for a true class with probability 0 or NaN."""
    share = _finite(prediction.probabilities[prediction.true], 0.0)
    return -math.log(share) if share > 0 else math.inf


def extremes(
    predictions: Sequence[Prediction], n: int
) -> list[tuple[int, list[Prediction], list[Prediction]]]:
    """Return (label, up to n worst, up to n best of the others) for each class that occurs.

    Both lists begin with the highest loss.
    """
    by_class: dict[int, list[Prediction]] = {}
    for prediction in in_order(predictions, "loss"):
        by_class.setdefault(prediction.true, []).append(prediction)
    # Cut twice, so that no image of a small class is both among the worst and the best.
    return [(label, group[:n], group[n:][-n:]) for label, group in sorted(by_class.items())]


def ranked(
    prediction: Prediction, names: Sequence[str], n: int | None = None
) -> list[tuple[str, float]]:
    """Return (class, probability) of the n most likely classes, all of them by default."""
    probabilities = prediction.probabilities
    labels = sorted(range(len(names)), key=lambda label: -_finite(probabilities[label], 0.0))
    return [(names[label], probabilities[label]) for label in labels[:n]]


def _finite(value: float, otherwise: float) -> float:
    # NaN is neither smaller nor larger than any number, and would leave a list unsorted.
    return value if math.isfinite(value) else otherwise
