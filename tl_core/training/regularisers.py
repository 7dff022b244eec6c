"""Regularisation: L2-SP penalty, early stopping, and a moving average of the weights."""

import math
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class PullToStart:
    """L2-SP penalty (Li et al. 2018): `strength` / 2 times the squared distance to the start."""

    def __init__(self, parameters: Iterable[nn.Parameter], strength: float) -> None:
        """Take the present values of the pretrained `parameters` as the start."""
        self._parameters = list(parameters)
        self._strength = strength
        self._start = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def add_gradients(self) -> None:
        """Add the penalty's gradients, between `backward` and `step`; skip frozen weights.

        With loss scaling for float16, the gradients must have been unscaled before.
        """
        pulled = [
            (parameter.grad, parameter, start)
            for parameter, start in zip(self._parameters, self._start, strict=True)
            if parameter.requires_grad and parameter.grad is not None
        ]
        if pulled:
            gradients, parameters, starts = zip(*pulled, strict=True)
            # One kernel for many tensors; separate calls would dominate the time on a GPU.
            distances = torch._foreach_sub(parameters, starts)
            torch._foreach_add_(gradients, distances, alpha=self._strength)

    def state_dict(self) -> dict[str, Any]:
        return {"start": self._start}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for start, saved in zip(self._start, state["start"], strict=True):
            start.copy_(saved)


class EarlyStopping:
    """Ends training after `patience` epochs without a loss lower by more than `min_delta`."""

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        """A `patience` of 0 disables early stopping."""
        self._patience = patience
        self._min_delta = min_delta
        self._best = math.inf
        self._bad_epochs = 0

    def update(self, val_loss: float) -> bool:
        """Take an epoch's validation loss into account; return True if training is to end."""
        if val_loss < self._best - self._min_delta:
            self._best = val_loss
            self._bad_epochs = 0
        else:
            self._bad_epochs += 1
        return 0 < self._patience <= self._bad_epochs

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "bad_epochs": self._bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._best = state["best"]
        self._bad_epochs = state["bad_epochs"]


class Average:
    """Exponential moving average of everything that training changes in a model.

    It equals the model after the first update; each further update keeps the share `decay` of the
    average. Parameters frozen at construction are shared with the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        # The memo makes deepcopy share frozen parameters instead of copying them.
        self.module = deepcopy(model, {id(p): p for p in model.parameters() if not p.requires_grad})
        """Averaged network."""
        tensors = model.state_dict(keep_vars=True)
        means = self.module.state_dict(keep_vars=True)
        self._moving = {name: (means[name], tensors[name]) for name in _moving(model)}
        self._mix = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the model's present weights to the average."""
        pairs = list(self._moving.values())
        if self._updates:
            numbers = [pair for pair in pairs if pair[0].is_floating_point()]
            self._mix(*zip(*numbers, strict=True), self._updates)
            # BatchNorm's counters of mini-batches are integers, which are copied.
            pairs = [pair for pair in pairs if not pair[0].is_floating_point()]
        if pairs:
            means, tensors = zip(*pairs, strict=True)
            torch._foreach_copy_(means, tensors)
        self._updates += 1

    def state_dict(self) -> dict[str, Any]:
        means = {f"module.{name}": mean for name, (mean, _) in self._moving.items()}
        return {"n_averaged": self._updates, **means}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._updates = int(state["n_averaged"])
        for name, (mean, _) in self._moving.items():
            mean.copy_(state[f"module.{name}"])


def _moving(model: nn.Module) -> Iterator[str]:
    """Yield the names of trainable parameters and of buffers that training mode updates."""
    was_training = model.training
    # Frozen modules stay in eval mode when the model is put into training mode.
    model.train()
    is_in_training = {name: module.training for name, module in model.named_modules()}
    model.train(was_training)
    seen: set[int] = set()
    # Without keep_vars all tensors come detached, and parameters look like buffers.
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, nn.Parameter):
            moves = tensor.requires_grad
        else:
            moves = is_in_training[name.rpartition(".")[0]]
        # Layers that share weights list the same tensor more than once.
        if moves and id(tensor) not in seen:
            seen.add(id(tensor))
            yield name
