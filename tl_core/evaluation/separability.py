"""Separability: how well a linear model tells the classes apart by pretrained features."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.data.names import quoted
from tl_core.evaluation.proportions import Share
from tl_core.text import number_of, percent, share

_VERDICTS = (
    (0.9, "Yes, nearly perfectly"),
    (0.7, "Yes, mostly"),
    (0.4, "Partly"),
)
"""Shares of the way from the baseline to perfection (Cohen's kappa against a constant answer)."""
_MOST_PAIRS = 2


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of one class that were taken for another."""

    true: str
    answer: str
    n: int
    of: int
    """Number of images of the true class."""


@dataclass(frozen=True, slots=True)
class Separability:
    """Cross-validated answers of logistic regression, each image predicted once."""

    right: int
    n: int
    baseline: int
    """Number that would be right by always answering the most frequent class."""
    confusions: tuple[Confusion, ...]
    """Most frequent confusions, in decreasing order of their share of the true class."""

    @property
    def sentence(self) -> str:
        """Answer in words, with the accuracy, its Wilson interval and the baseline."""
        reached = Share(self.right / self.n, self.n)
        low, high = reached.interval
        figures = (
            f"logistic regression on the features of the pretrained network is right on "
            f"{share(self.right, self.n)} images that it had not seen "
            f"({percent(reached.value)}, 95 % interval {percent(low)} to {percent(high)}); always "
            f"answering the most frequent class would be right on {percent(self.baseline / self.n)}"
        )
        return f"{self._verdict(reached)}: {figures}.{self._confusion_words()}"

    def _verdict(self, reached: Share) -> str:
        guessed = self.baseline / self.n
        if not reached.is_better_than(guessed):
            return "Not by these features"
        # With a single answer that is always right there is nothing to tell apart.
        kappa = (reached.value - guessed) / (1 - guessed)
        return next((words for bound, words in _VERDICTS if kappa >= bound), "Only a little")

    def _confusion_words(self) -> str:
        if not self.confusions:
            return ""
        pairs = [
            f"{quoted([pair.true])} taken for {quoted([pair.answer])} "
            f"({pair.n} of {number_of(pair.of, 'image')})"
            for pair in self.confusions[:_MOST_PAIRS]
        ]
        return f" Mixed up most: {' and '.join(pairs)}."


def measure_separability(
    labels: NDArray[Any], answers: NDArray[Any], classes: Sequence[str]
) -> Separability:
    """Compare predicted labels, int [N], with the true ones."""
    counts = Counter(labels.tolist())
    wrong = labels != answers
    mixed = Counter(zip(labels[wrong].tolist(), answers[wrong].tolist(), strict=True))
    confusions = [
        Confusion(classes[true], classes[answer], n, counts[true])
        for (true, answer), n in mixed.items()
    ]
    confusions.sort(key=lambda pair: (-pair.n / pair.of, -pair.n, pair.true, pair.answer))
    return Separability(
        right=int(np.count_nonzero(~wrong)),
        n=len(labels),
        baseline=max(counts.values()),
        confusions=tuple(confusions[:_MOST_PAIRS]),
    )
