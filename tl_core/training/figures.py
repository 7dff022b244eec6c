"""Running loss and accuracy of an epoch, copied from the device a few times a second."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tl_core.evaluation.predict import right_answers

_PAUSE_SECONDS_ON_CPU = 0.05
"""Shortest time between two reads; reading each step of a small head would cost a tenth of it."""
_PAUSE_SECONDS_ELSEWHERE = 0.25
"""Longer on a GPU, because each read waits until all queued work is done."""


class StepFigures(NamedTuple):
    step: int
    loss: float
    """Mean loss over the images of the step."""
    n: int
    """Number of images."""


class EpochFigures:
    """Accumulates losses and right answers, which stay on the device until `read`."""

    def __init__(self, device: torch.device) -> None:
        is_cpu = device.type == "cpu"
        self._pause = _PAUSE_SECONDS_ON_CPU if is_cpu else _PAUSE_SECONDS_ELSEWHERE
        self._last_read = time.monotonic()
        self._step: list[_Batch] = []
        self._unread: list[tuple[int, list[_Batch]]] = []
        self.loss_sum = 0.0
        """Sum of the losses over the images of all steps read."""
        self.right = 0
        """Correctly classified images of all steps read."""
        self.n = 0
        """Images of all steps read."""

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a mini-batch: mean loss (scalar), logits, float [B, classes], and labels, int [B]."""
        # Kept as tensors, since `float(loss)` would wait for the GPU at every step.
        self._step.append(_Batch(loss, logits, labels, len(labels)))

    def end_step(self, step: int) -> None:
        """Assign the mini-batches added since the last step to step number `step`."""
        self._unread.append((step, self._step))
        self._step = []

    @property
    def are_due(self) -> bool:
        """True when enough time has passed since the last read."""
        return time.monotonic() - self._last_read >= self._pause

    def read(self) -> Iterator[StepFigures]:
        """Yield every step that ended since the last read."""
        steps = self._unread
        self._unread = []
        batches = [batch for _, step in steps for batch in step]
        self._last_read = time.monotonic()
        if not batches:
            return
        # Stacked, so that all losses take one transfer from the device.
        losses = iter(torch.stack([batch.loss for batch in batches]).tolist())
        logits = torch.cat([batch.logits for batch in batches])
        labels = torch.cat([batch.labels for batch in batches])
        self.right += int(right_answers(logits, labels).sum())
        for number, step in steps:
            loss_sum = sum(next(losses) * batch.n for batch in step)
            n = sum(batch.n for batch in step)
            self.loss_sum += loss_sum
            self.n += n
            yield StepFigures(number, loss_sum / n, n)


class _Batch(NamedTuple):
    loss: Tensor
    logits: Tensor
    labels: Tensor
    n: int
