"""torch.compile on trial: used in long phases on a GPU, and kept only if epochs get shorter."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tl_core.training.device import Device

_MIN_SECONDS_LEFT = 300.0
"""Seconds left in a phase that justify compiling; a large network takes about a minute."""
_MAX_TIME_RATIO = 0.95
"""Largest ratio of epoch times, compiled to uncompiled, at which compiled code is kept."""


class Compiling:
    """Decides after each epoch of a phase whether to compile. Results change by rounding only.

    Leaving the context removes the compiled code, as the next phase trains other layers.
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
            part: network that is trained; compiled in place, so that its tensors keep their names.
            backend: backend of `torch.compile`.
            clock: returns the time in seconds.
        """
        self._part = part
        self._backend = backend
        self._clock = clock
        self._is_over = device.torch_device.type != "cuda"
        self._started = clock()
        self._uncompiled_seconds = 0.0
        self._epochs_compiled: int | None = None

    def __enter__(self) -> "Compiling":
        return self

    def __exit__(self, *_: object) -> None:
        self._undo()

    def after_epoch(self, done: int, left: int) -> str:
        """Time the epoch and decide about the next; return a sentence once there is a result.

        Args:
            done: epochs of the phase done so far.
            left: epochs of the phase still to come.
        """
        now = self._clock()
        seconds = now - self._started
        self._started = now
        # The first epoch is slower for other reasons, such as choosing convolution algorithms.
        if self._is_over or done < 2:
            return ""
        if self._epochs_compiled is None:
            self._uncompiled_seconds = seconds
            self._is_over = seconds * left < _MIN_SECONDS_LEFT
            if not self._is_over:
                self._compile()
            return ""
        self._epochs_compiled += 1
        # The first compiled epoch includes the compilation itself.
        if self._epochs_compiled < 2:
            return ""
        self._is_over = True
        paces = f"{seconds:.1f} s an epoch instead of {self._uncompiled_seconds:.1f} s"
        if seconds <= _MAX_TIME_RATIO * self._uncompiled_seconds:
            return f"The trained layers were compiled (torch.compile): {paces}."
        self._undo()
        return (
            f"Compiling the trained layers (torch.compile) was tried and undone: {paces} was not "
            "worth it."
        )

    def _undo(self) -> None:
        # torch has no public way to take compiled code off a module.
        self._part._compiled_call_impl = None

    def _compile(self) -> None:
        # Code that cannot be compiled runs uncompiled instead of failing the run.
        torch._dynamo.config.suppress_errors = True
        # Dropout draws the same random numbers as without compilation.
        torch._inductor.config.fallback_random = True
        self._part.compile(backend=self._backend)
        self._epochs_compiled = 0
