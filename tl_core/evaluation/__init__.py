"""Evaluation: predictions of a model, and metrics with intervals."""

from tl_core.evaluation.calibration import (
    Answered,
    Bin,
    answered,
    at_temperature,
    calibration_error,
    fit_temperature,
    reliability,
)
from tl_core.evaluation.calibration_summary import Calibration
from tl_core.evaluation.confusions import most_mixed_up, order_by_mix_ups
from tl_core.evaluation.intervals import wilson_interval
from tl_core.evaluation.metric_names import NamedFigure, named_figures
from tl_core.evaluation.metrics import (
    ClassFigures,
    class_figures,
    confusion_matrix,
    summarise,
    weakest_first,
)
from tl_core.evaluation.overfitting import Fit, judge_fit, judge_promise, what_helps
from tl_core.evaluation.predict import Outputs, join, predict, predict_batches
from tl_core.evaluation.scores import Figure, Judgement, judge
from tl_core.evaluation.significance import Comparison, NotComparable, compare, compare_best, holm

__all__ = [
    "Answered",
    "Bin",
    "Calibration",
    "ClassFigures",
    "Comparison",
    "Figure",
    "Fit",
    "Judgement",
    "NamedFigure",
    "NotComparable",
    "Outputs",
    "answered",
    "at_temperature",
    "calibration_error",
    "class_figures",
    "compare",
    "compare_best",
    "confusion_matrix",
    "fit_temperature",
    "holm",
    "join",
    "judge",
    "judge_fit",
    "judge_promise",
    "most_mixed_up",
    "named_figures",
    "order_by_mix_ups",
    "predict",
    "predict_batches",
    "reliability",
    "summarise",
    "weakest_first",
    "what_helps",
    "wilson_interval",
]
