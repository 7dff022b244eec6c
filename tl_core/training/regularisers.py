"""What keeps training from going too far: a pull to the start, an early end, an average of the weights."""

import math
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


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
        pulled = [
            (parameter.grad, parameter, start)
            for parameter, start in zip(self._parameters, self._start, strict=True)
            if parameter.requires_grad and parameter.grad is not None
        ]
        if pulled:
            gradients, parameters, starts = zip(*pulled, strict=True)
            torch._foreach_add_(
                gradients, torch._foreach_sub(parameters, starts), alpha=self._strength
            )

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


class Average:
    """An exponential moving average of what moves in a model, of which each update keeps `decay`.

    It begins as a copy of the model at the first update. What is frozen when it is made it shares with the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = deepcopy(model, {id(p): p for p in model.parameters() if not p.requires_grad})
        """The averaged network."""
        theirs, ours = (network.state_dict(keep_vars=True) for network in (model, self.module))
        self._moving = {name: (ours[name], theirs[name]) for name in _moving(model)}
        self._mix = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in where the model stands now."""
        pairs = list(self._moving.values())
        if self._updates:
            numbers = [pair for pair in pairs if pair[0].is_floating_point()]
            self._mix(*zip(*numbers, strict=True), self._updates)
            pairs = [
                pair for pair in pairs if not pair[0].is_floating_point()
            ]  # BatchNorm's counts of batches
        if pairs:
            means, tensors = zip(*pairs, strict=True)
            torch._foreach_copy_(means, tensors)
        self._updates += 1

    def state_dict(self) -> dict[str, Any]:
        return {
            "n_averaged": self._updates,
            **{f"module.{name}": mean for name, (mean, _) in self._moving.items()},
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._updates = int(state["n_averaged"])
        for name, (mean, _) in self._moving.items():
            mean.copy_(state[f"module.{name}"])


def _moving(model: nn.Module) -> Iterator[str]:
    """Names of the weights that learn, and of the statistics that training moves."""
    was_training, seen = model.training, set[int]()
    model.train()
    trains = {name: module.training for name, module in model.named_modules()}
    model.train(was_training)
    for name, tensor in model.state_dict(keep_vars=True).items():
        moves = (
            tensor.requires_grad
            if isinstance(tensor, nn.Parameter)
            else trains[name.rpartition(".")[0]]
        )
        if moves and id(tensor) not in seen:  # layers may share their weights
            seen.add(id(tensor))
            yield name
