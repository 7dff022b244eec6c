"""What keeps training from going too far: a pull to the start, an early end, an average of the weights."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class PullToStart:
    """L2-SP (Li et al. 2018): adds half of `strength` times the squared distance from where the weights started."""

    def __init__(self, parameters: Iterable[nn.Parameter], strength: float) -> None:
        """Take the values that `parameters`, the pretrained ones, have now for the start."""
        self._parameters, self._strength = list(parameters), strength
        self._start = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def add_gradients(self) -> None:
        """Add the pull to the gradients there are, between `backward` and `step`; frozen weights have none.

        Where the loss is scaled for float16, the gradients must have been unscaled.
        """
        for parameter, start in zip(self._parameters, self._start, strict=True):
            if parameter.requires_grad and parameter.grad is not None:
                parameter.grad.add_(parameter - start, alpha=self._strength)

    def state_dict(self) -> dict[str, Any]:
        return {"start": self._start}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for start, saved in zip(self._start, state["start"], strict=True):
            start.copy_(saved)


class EarlyStopping:
    """Says when the validation loss has not become better by more than `min_delta` for `patience` epochs."""

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        """A `patience` of 0 never stops."""
        self._patience, self._min_delta = patience, min_delta
        self._best, self._bad_epochs = math.inf, 0

    def update(self, val_loss: float) -> bool:
        """Tell it an epoch's validation loss; should training end now?"""
        if val_loss < self._best - self._min_delta:
            self._best, self._bad_epochs = val_loss, 0
        else:
            self._bad_epochs += 1
        return 0 < self._patience <= self._bad_epochs

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "bad_epochs": self._bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._best, self._bad_epochs = state["best"], state["bad_epochs"]


def make_average(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the model's weights and buffers, of which each update keeps `decay`.

    It begins as a copy of the model at the first `update_parameters`; the averaged network is its `module`.
    """
    update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
