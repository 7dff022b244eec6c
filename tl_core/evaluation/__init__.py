"""What a model says about images, and how right it is."""

from tl_core.evaluation.metrics import ClassFigures, class_figures, confusion_matrix, summarise, wilson_interval
from tl_core.evaluation.predict import Outputs, join, predict, predict_batches

__all__ = [
    "ClassFigures",
    "Outputs",
    "class_figures",
    "confusion_matrix",
    "join",
    "predict",
    "predict_batches",
    "summarise",
    "wilson_interval",
]
