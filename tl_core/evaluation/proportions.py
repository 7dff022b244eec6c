"""Shares of correctly classified images, compared with each other and with guessing."""

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
"""Share of the way from guessing to perfection that still counts as no better than guessing."""


@dataclass(frozen=True, slots=True)
class Share:
    """Share of `n` images."""

    value: float
    n: int

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval."""
        return wilson_interval(self.value * self.n, self.n)

    def is_apart_from(self, other: "Share") -> bool:
        """Return True if the 95 % interval of the difference (Newcombe 1998) excludes 0."""
        less, more = sorted((self, other), key=lambda share: share.value)
        below = more.value - more.interval[0]
        above = less.interval[1] - less.value
        return more.value - less.value > math.hypot(below, above)

    def is_better_than(self, guessed: float) -> bool:
        """Return True if the share is better beyond chance, and by more than `HARDLY`."""
        # Significance alone would call a tiny gain on many images better.
        return self.interval[0] > guessed + HARDLY * (1 - guessed)

    def words(self, images: str) -> str:
        """Format as `88.0 % of 60 validation images`."""
        return f"{percent(self.value)} of {number_of(self.n, images)}"


@dataclass(frozen=True, slots=True)
class Guessing:
    """Baselines that do not look at the images."""

    accuracy: float
    """Accuracy of always predicting the most frequent class."""
    loss: float
    """Loss in nats of predicting the class frequencies; ln k for k classes of equal size."""

    @classmethod
    def among(cls, predictions: Sequence[Prediction], n_classes: int) -> "Guessing":
        """Compute the baselines for these images; without any, for classes of equal size."""
        counts = Counter(p.true for p in predictions) or Counter(range(n_classes))
        shares = [count / counts.total() for count in counts.values()]
        return cls(max(shares), -sum(share * math.log(share) for share in shares))

    def is_as_good_as(self, right: Share, loss: float) -> bool:
        """Return True if neither accuracy nor loss of a model is clearly better."""
        hardly_less = loss > (1 - HARDLY) * self.loss
        # Among images of one class guessing is perfect, and says nothing.
        return self.accuracy < 1 and hardly_less and not right.is_better_than(self.accuracy)


def tells_classes_apart(predictions: Sequence[Prediction], n_classes: int) -> bool:
    """Return True if the balanced accuracy is better than guessing's."""
    found = class_figures(predictions, n_classes)
    recalls = [figures.recall for figures in found if figures.recall is not None]
    if not recalls:
        return False
    # Balanced, since what is learned of rare classes hardly shows in the accuracy.
    balanced = Share(fmean(recalls), len(predictions))
    return balanced.is_better_than(1 / len(recalls))
