"""Figures of a finished model, each with the number of images behind it."""

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
    """None when the class was never predicted."""
    recall: float | None
    """None when the split has no image of the class."""
    f1: float | None
    """None when neither side has the class."""
    n: int
    """Images of the class in the split."""
    precision_interval: tuple[float, float] | None
    """95 % interval after Wilson, as the next."""
    recall_interval: tuple[float, float] | None
    f1_interval: tuple[float, float] | None
    """95 %. F1 is 2 J / (1 + J), where J is the share right of all images that are of the class or were called by it:
    its ends are those of Wilson's interval of J."""


def summarise(outputs: Outputs, majority_label: int) -> TestResult:
    """All figures of the one look at the test set.

    Macro figures are plain means over the classes that occur among the true or predicted labels, as in scikit-learn.

    Args:
        outputs: of the model on the test set.
        majority_label: the class that is most frequent in the training set; the baseline always answers it.
    """
    figures = class_figures(outputs.predictions(), outputs.logits.shape[1])
    occurring = [figure for figure in figures if figure.f1 is not None]
    return TestResult(
        n=len(outputs.labels),
        loss=outputs.loss,
        accuracy=outputs.accuracy,
        precision_macro=fmean(figure.precision or 0.0 for figure in occurring),
        recall_macro=fmean(figure.recall or 0.0 for figure in occurring),
        f1_macro=fmean(figure.f1 or 0.0 for figure in occurring),
        baseline_accuracy=float((outputs.labels == majority_label).double().mean()),
    )


def confusion_matrix(predictions: Sequence[Prediction], n_classes: int) -> NDArray[np.int64]:
    """Counts [true, predicted]; an answer that is not a number is in no cell."""
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    for p in predictions:
        if p.is_number:
            matrix[p.true, p.predicted] += 1
    return matrix


def class_figures(predictions: Sequence[Prediction], n_classes: int) -> list[ClassFigures]:
    """Precision, recall and F1 of every class."""
    matrix = confusion_matrix(predictions, n_classes)
    counts = Counter(
        p.true for p in predictions
    )  # not of the matrix, which leaves out what got no answer
    rights, saids, theres = (
        matrix.diagonal().tolist(),
        matrix.sum(0).tolist(),
        [counts[k] for k in range(n_classes)],
    )
    return [
        _figures(label, *three)
        for label, three in enumerate(zip(rights, saids, theres, strict=True))
    ]


def weakest_first(figures: Iterable[ClassFigures]) -> list[ClassFigures]:
    """By rising F1; classes that do not occur come last."""
    return sorted(figures, key=lambda f: (f.f1 is None, f.f1 or 0.0))


def _figures(label: int, right: int, said: int, there: int) -> ClassFigures:
    """Of a class: images named rightly, called by it, and really of it."""
    either = said + there - right
    overlap = _interval(right, either)
    return ClassFigures(
        label=label,
        precision=_share(right, said),
        recall=_share(right, there),
        f1=_share(2 * right, said + there),
        n=there,
        precision_interval=_interval(right, said),
        recall_interval=_interval(right, there),
        f1_interval=overlap
        and (2 * overlap[0] / (1 + overlap[0]), 2 * overlap[1] / (1 + overlap[1])),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _interval(part: int, whole: int) -> tuple[float, float] | None:
    return wilson_interval(part, whole) if whole else None
