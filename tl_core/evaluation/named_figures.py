"""List of the figures of a test set, with their labels, as every face shows them."""

from dataclasses import dataclass

from tl_core.evaluation.scores import Figure, Judgement
from tl_core.glossary import GLOSSARY


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """Figure of a split with what it takes to show it."""

    key: str
    """Field of `Judgement`."""
    name: str
    """As in textbooks: "precision", "log-loss"."""
    is_macro: bool
    """Whether it is the plain mean over the classes."""
    is_share: bool
    """Whether it is a share of images, which may be shown in percent."""
    unit: str
    """"nats", or empty."""
    term: str
    """In the glossary."""
    figure: Figure
    """Value with its 95 % interval."""
    n: int
    """Images that it was measured on."""

    @property
    def label(self) -> str:
        """`precision, macro`."""
        return f"{self.name}, macro" if self.is_macro else self.name

    @property
    def label_with_unit(self) -> str:
        """`log-loss, nats`."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def explanation(self) -> str:
        """Sentences of the glossary."""
        return (
            f"{GLOSSARY[self.term]} {GLOSSARY['macro']}" if self.is_macro else GLOSSARY[self.term]
        )


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
    """All figures that a split has, in the order in which they are shown."""
    return [
        NamedFigure(*named, getattr(judgement, named[0]), judgement.n)
        for named in _ALL
        if getattr(judgement, named[0]) is not None
    ]
