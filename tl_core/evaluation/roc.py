"""ROC and precision-recall curves of one class against all others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.records import Prediction

MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Ranking:
    """Curves of a split's images, ranked by the probability of one class."""

    label: int
    n: int
    """Number of images of the class."""
    n_others: int
    roc: tuple[tuple[float, float], ...]
    """(false-positive rate, true-positive rate), from the strictest threshold on."""
    auc: float
    """Area under the ROC curve."""
    precision_recall: tuple[tuple[float, float], ...]
    """(recall, precision) by rising recall."""
    average_precision: float
    """Average precision, as scikit-learn defines it."""


def rank(predictions: Sequence[Prediction], label: int) -> Ranking | None:
    """Compute the curves; None if all images of the split are of the class, or none is."""
    # scikit-learn takes a second to import, and few visits of a page need it.
    from sklearn.metrics import (
        average_precision_score,
        precision_recall_curve,
        roc_auc_score,
        roc_curve,
    )

    is_it = np.array([p.true == label for p in predictions], dtype=bool)
    n = int(is_it.sum())
    if n in (0, len(is_it)):
        return None
    scores = np.array([p.probabilities[label] for p in predictions])
    others_called, found, _ = roc_curve(is_it, scores)
    precision, recall, _ = precision_recall_curve(is_it, scores)
    return Ranking(
        label=label,
        n=n,
        n_others=len(is_it) - n,
        roc=_thinned(others_called, found),
        auc=float(roc_auc_score(is_it, scores)),
        # scikit-learn lists them by falling recall.
        precision_recall=_thinned(recall[::-1], precision[::-1]),
        average_precision=float(average_precision_score(is_it, scores)),
    )


def _thinned(xs: np.ndarray, ys: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Thin the curve to `MOST_POINTS`, keeping both ends."""
    places = np.unique(np.linspace(0, len(xs) - 1, min(len(xs), MOST_POINTS)).round().astype(int))
    return tuple(zip(xs[places].tolist(), ys[places].tolist(), strict=True))
