"""Metrics of a finished model, each with its number of images."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tl_core.evaluation.intervals import wilson_interval
from tl_core.evaluation.predict import Outputs
from tl_core.records import Prediction, TestResult


@dataclass(frozen=True, slots=True)
class ClassFigures:
    label: int
    precision: float | None
    """Precision; None if the class was never predicted."""
    recall: float | None
    """Recall; None if the split has no image of the class."""
    f1: float | None
    """F1; None if the class occurs neither among true nor among predicted labels."""
    n: int
    """Support: number of images of the class in the split."""
    precision_interval: tuple[float, float] | None
    """Wilson's 95 % interval, as for recall."""
    recall_interval: tuple[float, float] | None
    f1_interval: tuple[float, float] | None
    """95 % interval. F1 = 2 J / (1 + J) with the Jaccard index J, whose Wilson interval gives the
    ends."""


def summarise(outputs: Outputs, majority_label: int) -> TestResult:
    """Compute the test metrics.

    Macro averages are means over the classes among the true or predicted labels, as in
    scikit-learn.

    Args:
        outputs: outputs of the model on the test set.
        majority_label: most frequent class of the training set, which the baseline predicts.
    """
    figures = class_figures(outputs.predictions(), outputs.logits.shape[1])
    occurring = [figure for figure in figures if figure.f1 is not None]
    return TestResult(
        n=len(outputs.labels),
        loss=outputs.loss,
        accuracy=outputs.accuracy,
        # A class that was never predicted counts as 0, as by default in scikit-learn.
        precision_macro=fmean(figure.precision or 0.0 for figure in occurring),
        recall_macro=fmean(figure.recall or 0.0 for figure in occurring),
        f1_macro=fmean(figure.f1 or 0.0 for figure in occurring),
        baseline_accuracy=float((outputs.labels == majority_label).double().mean()),
    )


def confusion_matrix(predictions: Sequence[Prediction], n_classes: int) -> NDArray[np.int64]:
    """Count [true, predicted] labels; predictions that are NaN are left out."""
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    for p in predictions:
        if p.is_number:
            matrix[p.true, p.predicted] += 1
    return matrix


def class_figures(predictions: Sequence[Prediction], n_classes: int) -> list[ClassFigures]:
    """Compute precision, recall and F1 of every class."""
    matrix = confusion_matrix(predictions, n_classes)
    right = matrix.diagonal().tolist()
    predicted = matrix.sum(0).tolist()
    # The matrix leaves out NaN predictions, which count as wrong.
    support = Counter(p.true for p in predictions)
    return [
        _figures(label, right[label], predicted[label], support[label])
        for label in range(n_classes)
    ]


def weakest_first(figures: Iterable[ClassFigures]) -> list[ClassFigures]:
    """Sort by rising F1; classes that do not occur come last."""
    return sorted(figures, key=lambda f: (f.f1 is None, f.f1 or 0.0))


def _figures(label: int, right: int, predicted: int, support: int) -> ClassFigures:
    """Compute a class's figures from true positives, predicted and true images."""
    jaccard = _interval(right, predicted + support - right)
    f1_interval = None
    if jaccard:
        low, high = jaccard
        f1_interval = (2 * low / (1 + low), 2 * high / (1 + high))
    return ClassFigures(
        label=label,
        precision=_share(right, predicted),
        recall=_share(right, support),
        f1=_share(2 * right, predicted + support),
        n=support,
        precision_interval=_interval(right, predicted),
        recall_interval=_interval(right, support),
        f1_interval=f1_interval,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _interval(part: int, whole: int) -> tuple[float, float] | None:
    return wilson_interval(part, whole) if whole else None
