"""What the steps of an epoch came to, read from the device only now and then."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_PAUSE_SECONDS = 0.25
"""Between two looks at a GPU, since to look is to wait until it has done all that it was given."""


class StepFigures(NamedTuple):
    step: int
    loss: float
    """Mean over the images."""
    n: int
    """Images."""


class EpochFigures:
    """Losses and counts of right answers, which stay on the device until somebody looks."""

    def __init__(self, device: torch.device) -> None:
        self._pause = 0.0 if device.type == "cpu" else _PAUSE_SECONDS
        self._looked = time.monotonic()
        self._step: list[_Batch] = []
        self._unread: list[tuple[int, list[_Batch]]] = []
        self.loss_sum, self.right, self.n = 0.0, 0, 0
        """Over the images of all steps that were read."""

    def add(self, loss: Tensor, right: Tensor, n: int) -> None:
        """A batch of `n` images in the step under way: their mean loss and how many were right, each a scalar."""
        self._step.append(_Batch(loss, right, n))

    def end_step(self, step: int) -> None:
        """The batches since the last step were step number `step`."""
        self._unread.append((step, self._step))
        self._step = []

    @property
    def are_due(self) -> bool:
        """It is worth a look: at once on a CPU, where there is nothing to wait for."""
        return time.monotonic() - self._looked >= self._pause

    def read(self) -> Iterator[StepFigures]:
        """Every step that ended since the last look."""
        steps, self._unread = self._unread, []
        batches = [batch for _, step in steps for batch in step]
        losses = iter(_values([batch.loss for batch in batches]))
        self.right += int(sum(_values([batch.right for batch in batches])))
        self._looked = time.monotonic()
        for number, step in steps:
            loss_sum, n = sum(next(losses) * batch.n for batch in step), sum(batch.n for batch in step)
            self.loss_sum, self.n = self.loss_sum + loss_sum, self.n + n
            yield StepFigures(number, loss_sum / n, n)


class _Batch(NamedTuple):
    loss: Tensor
    right: Tensor
    n: int


def _values(scalars: Sequence[Tensor]) -> list[float]:
    """All in one transfer."""
    values: list[float] = torch.stack(list(scalars)).tolist() if scalars else []
    return values
