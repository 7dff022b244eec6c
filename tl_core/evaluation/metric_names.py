"""Test metrics with their labels, in one list for pages, report, model card and command line."""

from dataclasses import dataclass

from tl_core.evaluation.scores import Figure, Judgement
from tl_core.glossary import GLOSSARY


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """Metric of a split, with all that is needed to show it."""

    key: str
    """Field of `Judgement`."""
    name: str
    """Name in textbooks, such as "precision"."""
    is_macro: bool
    """True for a macro average over the classes."""
    is_share: bool
    """True for a share of images, which may be shown in percent."""
    unit: str
    """Unit: "nats", or empty."""
    term: str
    """Term in the glossary."""
    figure: Figure
    """Value with its 95 % interval."""
    n: int
    """Number of images that it was measured on."""

    @property
    def label(self) -> str:
        """Label such as `precision, macro`."""
        return f"{self.name}, macro" if self.is_macro else self.name

    @property
    def label_with_unit(self) -> str:
        """Label such as `log-loss, nats`."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def explanation(self) -> str:
        """Explanation from the glossary."""
        words = GLOSSARY[self.term]
        return f"{words} {GLOSSARY['macro']}" if self.is_macro else words


_ALL = (
    # key, name, is_macro, is_share, unit, term
    ("accuracy", "accuracy", False, True, "", "accuracy"),
    ("balanced_accuracy", "balanced accuracy", False, True, "", "balanced accuracy"),
    ("precision_macro", "precision", True, True, "", "precision"),
    ("recall_macro", "recall", True, True, "", "recall"),
    ("f1_macro", "F1", True, True, "", "F1"),
    ("log_loss", "log-loss", False, False, "nats", "loss"),
    ("roc_auc", "ROC AUC", True, False, "", "ROC AUC"),
)


def named_figures(judgement: Judgement) -> list[NamedFigure]:
    """List the metrics of a split in the order in which they are shown."""
    return [
        NamedFigure(*named, getattr(judgement, named[0]), judgement.n)
        for named in _ALL
        # A split with a single class has no ROC AUC.
        if getattr(judgement, named[0]) is not None
    ]
