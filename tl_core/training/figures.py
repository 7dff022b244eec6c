"""What the steps of an epoch came to, read from the device only now and then."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tl_core.evaluation.predict import right_answers

_PAUSE_SECONDS = {"cpu": 0.05}
"""Between two looks, by kind of device: on a CPU, looking at each step of a small head would cost a tenth of it."""
_LONG_PAUSE_SECONDS = 0.25
"""Of any other, since to look at a GPU is to wait until it has done all that it was given."""


class StepFigures(NamedTuple):
    step: int
    loss: float
    """Mean over the images."""
    n: int
    """Images."""


class EpochFigures:
    """Losses and counts of right answers, which stay on the device until somebody looks."""

    def __init__(self, device: torch.device) -> None:
        self._pause = _PAUSE_SECONDS.get(device.type, _LONG_PAUSE_SECONDS)
        self._looked = time.monotonic()
        self._step: list[_Batch] = []
        self._unread: list[tuple[int, list[_Batch]]] = []
        self.loss_sum, self.right, self.n = 0.0, 0, 0
        """Over the images of all steps that were read."""

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """A batch in the step under way: its mean loss, a scalar; logits, float [B, classes]; and labels, int [B]."""
        self._step.append(_Batch(loss, logits, labels, len(labels)))

    def end_step(self, step: int) -> None:
        """The batches since the last step were step number `step`."""
        self._unread.append((step, self._step))
        self._step = []

    @property
    def are_due(self) -> bool:
        """It is worth a look."""
        return time.monotonic() - self._looked >= self._pause

    def read(self) -> Iterator[StepFigures]:
        """Every step that ended since the last look."""
        steps, self._unread = self._unread, []
        batches = [batch for _, step in steps for batch in step]
        self._looked = time.monotonic()
        if not batches:
            return
        losses = iter(
            torch.stack([batch.loss for batch in batches]).tolist()
        )  # all in one transfer
        logits, labels = (
            torch.cat([batch.logits for batch in batches]),
            torch.cat([batch.labels for batch in batches]),
        )
        self.right += int(right_answers(logits, labels).sum())
        for number, step in steps:
            loss_sum, n = (
                sum(next(losses) * batch.n for batch in step),
                sum(batch.n for batch in step),
            )
            self.loss_sum, self.n = self.loss_sum + loss_sum, self.n + n
            yield StepFigures(number, loss_sum / n, n)


class _Batch(NamedTuple):
    loss: Tensor
    logits: Tensor
    labels: Tensor
    n: int
