"""Figures of a finished model, each with the number of images behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from tl_core.evaluation.predict import Outputs
from tl_core.records import Prediction, TestResult


@dataclass(frozen=True, slots=True)
class ClassFigures:
    label: int
    precision: float | None
    """None when the class was never predicted."""
    recall: float | None
    """None when the split has no image of the class."""
    f1: float | None
    """None when neither side has the class."""
    n: int
    """Images of the class in the split."""


def summarise(outputs: Outputs, majority_label: int) -> TestResult:
    """All figures of the one look at the test set.

    Macro figures are plain means over the classes that occur among the true or predicted labels, as in scikit-learn.

    Args:
        outputs: of the model on the test set.
        majority_label: the class that is most frequent in the training set; the baseline always answers it.
    """
    true, predicted = outputs.labels.numpy(), outputs.logits.argmax(1).numpy()
    precision, recall, f1, _ = precision_recall_fscore_support(true, predicted, average="macro", zero_division=0)
    return TestResult(
        n=len(true),
        loss=outputs.loss,
        accuracy=outputs.accuracy,
        precision_macro=float(precision),
        recall_macro=float(recall),
        f1_macro=float(f1),
        baseline_accuracy=float(np.mean(true == majority_label)),
    )


def confusion_matrix(predictions: Sequence[Prediction], n_classes: int) -> NDArray[np.int64]:
    """Counts [true, predicted]."""
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    for p in predictions:
        matrix[p.true, p.predicted] += 1
    return matrix


def class_figures(predictions: Sequence[Prediction], n_classes: int) -> list[ClassFigures]:
    """Precision, recall and F1 of every class."""
    matrix = confusion_matrix(predictions, n_classes)
    right, said, there = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    return [
        ClassFigures(
            label=k,
            precision=_share(right[k], said[k]),
            recall=_share(right[k], there[k]),
            f1=_share(2 * right[k], said[k] + there[k]),
            n=int(there[k]),
        )
        for k in range(n_classes)
    ]


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share, after Wilson (1927): honest for small n and for shares near 0 and 1."""
    if n == 0:
        return 0.0, 1.0
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / n) ** 0.5 / (1 + spread)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # rounding may pass the share
