"""Charts of datasets and runs: plain Plotly figures, for pages and for reports."""

from tl_core.charts.balance import balance_words, class_balance_chart, is_balanced
from tl_core.charts.calibration import reliability_chart
from tl_core.charts.chart import (
    CLASS_COLOURS,
    FROZEN,
    LABEL_LENGTH,
    RIGHT,
    TRAINABLE,
    WRONG,
    Chart,
    Figure,
    make_figure,
    top_answers_chart,
)
from tl_core.charts.confusion import MatrixView, confusion_chart
from tl_core.charts.curves import accuracy_chart, learning_rate_chart, loss_chart
from tl_core.charts.preview import preview_chart
from tl_core.charts.roc import precision_recall_chart, roc_chart

__all__ = [
    "CLASS_COLOURS",
    "FROZEN",
    "LABEL_LENGTH",
    "RIGHT",
    "TRAINABLE",
    "WRONG",
    "Chart",
    "Figure",
    "MatrixView",
    "accuracy_chart",
    "balance_words",
    "class_balance_chart",
    "confusion_chart",
    "is_balanced",
    "learning_rate_chart",
    "loss_chart",
    "make_figure",
    "precision_recall_chart",
    "preview_chart",
    "reliability_chart",
    "roc_chart",
    "top_answers_chart",
]
