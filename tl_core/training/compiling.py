"""torch.compile where it pays for itself: tried in a long phase on a GPU, and kept if an epoch then takes less time."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tl_core.training.device import Device

_LEAST_SECONDS = 300.0
"""Left of the phase, for compiling to be tried: it takes a minute or so for a large network."""
_GAIN = 0.95
"""Share of the time before that an epoch may take at most afterwards."""


class Compiling:
    """Follows the epochs of one phase. What it decides changes how fast numbers come, and them by rounding alone.

    As a context it leaves the part as it was: the next phase has another, or other layers of it learn.
    """

    def __init__(
        self,
        part: nn.Module,
        device: Device,
        *,
        backend: str | Callable[..., Any] = "inductor",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Args:
            part: what is trained; it is compiled in place, so that its tensors keep their names.
        """
        self._part, self._backend, self._clock = part, backend, clock
        self._is_over = device.torch_device.type != "cuda"
        self._started, self._before, self._epochs_compiled = clock(), 0.0, -1

    def __enter__(self) -> "Compiling":
        return self

    def __exit__(self, *_: object) -> None:
        self._undo()

    def after_epoch(self, done: int, left: int) -> str:
        """Look at how long the epoch took, and decide about the next; gives a sentence once there is a conclusion.

        Args:
            done: epochs of the phase so far.
            left: those to come.
        """
        seconds, self._started = self._clock() - self._started, self._clock()
        if self._is_over or done < 2:  # the first epoch pays for much that later ones do not
            return ""
        if self._epochs_compiled < 0:
            self._before, self._is_over = seconds, seconds * left < _LEAST_SECONDS
            if not self._is_over:
                self._compile()
            return ""
        self._epochs_compiled += 1
        if self._epochs_compiled < 2:  # in its first one it was compiled
            return ""
        self._is_over = True
        paces = f"{seconds:.1f} s an epoch instead of {self._before:.1f} s"
        if seconds <= _GAIN * self._before:
            return f"The part that learns was compiled (torch.compile): {paces}."
        self._undo()
        return f"The part that learns was compiled (torch.compile) for a while; {paces} was not worth it."

    def _undo(self) -> None:
        self._part._compiled_call_impl = None  # there is no public way

    def _compile(self) -> None:
        torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it did
        torch._inductor.config.fallback_random = True  # dropout draws what it would have drawn
        self._part.compile(backend=self._backend)
        self._epochs_compiled = 0
