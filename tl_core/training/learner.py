"""Optimization within one phase: gradient accumulation, optimizer steps, and resumable state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tl_core.features import Pieces
from tl_core.training.device import Device
from tl_core.training.losses import Loss
from tl_core.training.mixing import Mix
from tl_core.training.optimizers import set_learning_rates
from tl_core.training.regularisers import Average, EarlyStopping, PullToStart
from tl_core.training.schedules import Schedule


@dataclass
class Learner:
    """Optimizer, schedule, loss and regularisers of one phase; `fit` feeds it mini-batches."""

    model: nn.Module
    """Whole network, including frozen stages."""
    optimizer: Optimizer
    """Optimizer whose parameter groups carry "base_lr" and "part" ("head" for the head's)."""
    schedule: Schedule
    loss: Loss
    device: Device
    images_per_step: int
    """Images per optimizer step, over all mini-batches whose gradients are accumulated."""
    first_step: int = 0
    """First step that the schedule covers, counted from 0 over the whole run."""
    mix: Mix | None = None
    """Mixup or CutMix."""
    clip_norm: float = 0.0
    """Maximum norm of the gradient; 0 disables clipping."""
    pull: PullToStart | None = None
    average: Average | None = None
    """Moving average of the weights, validated and saved in place of `model`."""
    stopping: EarlyStopping | None = None
    pieces: Pieces = field(default_factory=Pieces)
    notes: list[str] = field(default_factory=list)
    """Sentences on deviations from the settings, such as a smaller micro-batch."""
    is_over: bool = False
    """True once early stopping has ended training."""

    def __post_init__(self) -> None:
        self._parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self._scaler = torch.amp.GradScaler(
            self.device.torch_device.type, enabled=self.device.needs_loss_scaling
        )

    @property
    def learning_rate(self) -> float:
        """Learning rate of the head in the last step."""
        groups = self.optimizer.param_groups
        return float(next(group["lr"] for group in groups if group["part"] == "head"))

    def add_gradients(
        self, part: nn.Module, inputs: Tensor, targets: Tensor, step_size: int
    ) -> tuple[Tensor, Tensor]:
        """Accumulate a mini-batch's gradients, in micro-batches where memory is short.

        Args:
            part: network that takes `inputs`: `model`, or its layers behind the frozen prefix.
            step_size: images of the whole optimizer step, by which gradients are averaged.

        Returns:
            Mean loss (scalar) and logits (float [B, classes]) of the mini-batch. Both stay on the
            device, where they may still be being computed; reading them synchronises with it.
        """
        losses: list[Tensor] = []
        logits: list[Tensor] = []

        def learn(piece: slice) -> None:
            with self.device.autocast():
                outputs = _forward(part, inputs[piece])
                loss = self.loss(outputs, targets[piece])
            # Mean over the step: each piece counts by its share of the images.
            scaled = self._scaler.scale(loss * (len(outputs) / step_size))
            # `backward` could run out of memory with half of the gradients added; `grad` changes
            # nothing until it has all of them, so that the piece can be tried again.
            for parameter, gradient in zip(self._parameters, self._gradients(scaled), strict=True):
                if gradient is None:
                    continue
                if parameter.grad is None:
                    parameter.grad = gradient
                else:
                    parameter.grad.add_(gradient)
            losses.append(loss.detach() * (len(outputs) / len(inputs)))
            logits.append(outputs.detach())

        size_before = self.pieces.size
        self.pieces.run(len(inputs), learn)
        if self.pieces.size != size_before:
            tried = min(len(inputs), size_before or len(inputs))
            self.notes.append(_memory_note(tried, self.pieces.size or 1, self.images_per_step))
        # The usual case of one piece needs no copy.
        if len(losses) == 1:
            return losses[0], logits[0]
        return torch.stack(losses).sum(), torch.cat(logits)

    def _gradients(self, loss: Tensor) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(loss, self._parameters, allow_unused=True)

    def step(self, step: int) -> None:
        """Update the weights from the accumulated gradients; `step` counts from 0 over the run."""
        set_learning_rates(self.optimizer, self.schedule.factor(step - self.first_step))
        # Clipping and the pull to the start need true gradients, not those of the scaled loss.
        self._scaler.unscale_(self.optimizer)
        if self.pull:
            self.pull.add_gradients()
        if self.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._parameters, self.clip_norm)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update()

    def after_epoch(self, val_loss: float) -> None:
        """Pass the validation loss to the schedule and to early stopping."""
        self.schedule.after_epoch(val_loss)
        self.is_over = self.stopping is not None and self.stopping.update(val_loss)

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume from, as tensors and plain values."""
        states = {name: part.state_dict() for name, part in self._stateful().items()}
        return {**states, "pieces": self.pieces.size, "notes": self.notes, "is_over": self.is_over}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from the result of `state_dict`."""
        for name, part in self._stateful().items():
            # Early stopping may be new in this phase, and a scaler unused on another device saved
            # an empty state.
            if name in state and (state[name] or part is not self._scaler):
                part.load_state_dict(state[name])
        self.pieces.size = state["pieces"]
        self.notes = list(state["notes"])
        self.is_over = state["is_over"]

    def _stateful(self) -> dict[str, Any]:
        parts = {
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self._scaler,
            "average": self.average,
            "cancellation": self.stopping,
        }
        return {name: part for name, part in parts.items() if part is not None}


def _forward(part: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor
    if len(images) == 1 and _has_active_batch_norm(part):
        # BatchNorm refuses a single vector in training mode. The image twice has the same mean.
        logits = part(images.expand(2, *images.shape[1:]))[:1]
    else:
        logits = part(images)
    return logits


def _has_active_batch_norm(part: nn.Module) -> bool:
    batch_norm = nn.modules.batchnorm._BatchNorm
    return any(isinstance(module, batch_norm) and module.training for module in part.modules())


def _memory_note(tried: int, size: int, images_per_step: int) -> str:
    n_pieces = ceil(images_per_step / size)
    return (
        f"Memory ran short at {tried} images at a time: now {size} at a time, with the gradients "
        f"of {n_pieces} micro-batches accumulated, so that each step still sees {images_per_step}."
    )
