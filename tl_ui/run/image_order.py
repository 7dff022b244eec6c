"""Which of a run's answers are looked at first: the worst mistakes, the narrowest escapes, each class's extremes."""

import math
from collections.abc import Sequence

from tl_core.records import Prediction

VIEWS = {
    "wrong": "Most confident wrong",
    "right": "Least confident right",
    "loss": "Highest loss",
    "classes": "Class by class",
}
"""What each is called."""
EXPLAINED = {
    "wrong": "The mistakes it was surest of come first. Look for wrong labels among them, and for what they share.",
    "right": "Right answers, those it was least sure of first: the next mistakes, on other images.",
    "loss": "All images, those first to whose true class it gave the least probability.",
    "classes": "Of each class the images whose true class it found least likely, and those it found most likely.",
}


def in_order(predictions: Sequence[Prediction], view: str) -> list[Prediction]:
    """The predictions of a view, the most telling first. An answer that is no number is the worst of all."""
    if view == "wrong":
        return sorted(
            (p for p in predictions if not p.is_right), key=lambda p: -_number(p.confidence, 1.0)
        )
    if view == "right":
        return sorted(
            (p for p in predictions if p.is_right), key=lambda p: _number(p.confidence, 0.0)
        )
    return sorted(predictions, key=lambda p: -loss_of(p))


def loss_of(prediction: Prediction) -> float:
    """Cross-entropy in nats; infinite where the true class got no probability, or the answer is no number."""
    share = _number(prediction.probabilities[prediction.true], 0.0)
    return -math.log(share) if share > 0 else math.inf


def extremes(
    predictions: Sequence[Prediction], n: int
) -> list[tuple[int, list[Prediction], list[Prediction]]]:
    """(label, up to n worst, up to n best of the others) of each class that occurs, the worst first in both."""
    by_class: dict[int, list[Prediction]] = {}
    for prediction in in_order(predictions, "loss"):
        by_class.setdefault(prediction.true, []).append(prediction)
    return [(label, group[:n], group[n:][-n:]) for label, group in sorted(by_class.items())]


def ranked(
    prediction: Prediction, names: Sequence[str], n: int | None = None
) -> list[tuple[str, float]]:
    """(class, confidence) of the likeliest classes, all of them by default."""
    labels = sorted(
        range(len(names)), key=lambda label: -_number(prediction.probabilities[label], 0.0)
    )
    return [(names[label], prediction.probabilities[label]) for label in labels[:n]]


def _number(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else otherwise
