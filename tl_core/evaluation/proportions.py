"""How many images of a side were named rightly, and what that says beside another side, or beside guessing."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from tl_core.evaluation.intervals import Interval, wilson_interval
from tl_core.evaluation.metrics import class_figures
from tl_core.records import Prediction
from tl_core.text import number_of, percent

HARDLY = 0.05
"""Share of the way from guessing to perfection up to which a figure is hardly better than guessing."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of `n` images."""

    value: float
    n: int

    @property
    def interval(self) -> Interval:
        """95 %, after Wilson."""
        return wilson_interval(self.value * self.n, self.n)

    def is_apart_from(self, other: "Share") -> bool:
        """Whether the 95 % interval of their difference, after Newcombe (1998), leaves out 0."""
        less, more = sorted((self, other), key=lambda share: share.value)
        return more.value - less.value > math.hypot(
            more.value - more.interval[0], less.interval[1] - less.value
        )

    def is_better_than(self, guessed: float) -> bool:
        """Whether it is so beyond chance, and by more than hardly."""
        return self.interval[0] > guessed + HARDLY * (1 - guessed)

    def words(self, images: str) -> str:
        """`88.0 % of 60 validation images`."""
        return f"{percent(self.value)} of {number_of(self.n, images)}"


@dataclass(frozen=True, slots=True)
class Guessing:
    """What answering without a look at the images comes to."""

    accuracy: float
    """Of always naming the most frequent class."""
    loss: float
    """Of giving each class its share of the images, in nats: ln k of k classes of one size."""

    @classmethod
    def among(cls, predictions: Sequence[Prediction], n_classes: int) -> "Guessing":
        """For those images; where there are none, for classes of one size."""
        counts = Counter(p.true for p in predictions) or Counter(range(n_classes))
        shares = [count / counts.total() for count in counts.values()]
        return cls(max(shares), -sum(share * math.log(share) for share in shares))

    def is_as_good_as(self, right: Share, loss: float) -> bool:
        """Whether neither of a model's figures for these images is clearly better."""
        hardly_less = loss > (1 - HARDLY) * self.loss
        return self.accuracy < 1 and hardly_less and not right.is_better_than(self.accuracy)


def tells_classes_apart(predictions: Sequence[Prediction], n_classes: int) -> bool:
    """Whether balanced accuracy is better than guessing's: rare classes count as much as frequent ones."""
    found = class_figures(predictions, n_classes)
    recalls = [figures.recall for figures in found if figures.recall is not None]
    return bool(recalls) and Share(fmean(recalls), len(predictions)).is_better_than(
        1 / len(recalls)
    )
