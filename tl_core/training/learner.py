"""How a part of the network learns: gradients in, weights moved, and all that must be kept to carry on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tl_core.features import Pieces
from tl_core.training.device import Device
from tl_core.training.losses import Loss
from tl_core.training.optimizers import set_learning_rates
from tl_core.training.regularisers import Average, EarlyStopping, PullToStart
from tl_core.training.schedules import Schedule


class Mix(Protocol):
    def __call__(
        self, inputs: Tensor, labels: Tensor, /, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]: ...


@dataclass
class Learner:
    """Everything that moves weights in one phase of a run, beside the loop that feeds it."""

    model: nn.Module
    """The whole network, of which perhaps only a part is trained."""
    optimizer: Optimizer
    """Its parameter groups carry "base_lr", and "part", which is "head" for the head's."""
    schedule: Schedule
    loss: Loss
    device: Device
    images_per_step: int
    """Whose gradients are added up before the weights move."""
    first_step: int = 0
    """Of the schedule's course, counted from 0 over the whole run."""
    mix: Mix | None = None
    clip_norm: float = 0.0
    """0 for none."""
    pull: PullToStart | None = None
    average: Average | None = None
    """Of `model`; what is judged and kept in its stead."""
    stopping: EarlyStopping | None = None
    pieces: Pieces = field(default_factory=Pieces)
    notes: list[str] = field(default_factory=list)
    """Sentences about what it had to do otherwise than asked."""
    is_over: bool = False
    """Early stopping has said so."""

    def __post_init__(self) -> None:
        self._parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self._scaler = torch.amp.GradScaler(
            self.device.torch_device.type, enabled=self.device.needs_loss_scaling
        )

    @property
    def learning_rate(self) -> float:
        """Of the head, in the last step."""
        return float(
            next(group["lr"] for group in self.optimizer.param_groups if group["part"] == "head")
        )

    def add_gradients(
        self, part: nn.Module, inputs: Tensor, targets: Tensor, whole: int
    ) -> tuple[Tensor, Tensor]:
        """Add a batch's gradients to those of its step, in pieces where memory is short.

        Args:
            part: of the network, or all of it: what takes the inputs.
            whole: images of the step, of which the batch is a part.

        Returns:
            The batch's mean loss, a scalar, and its logits, float [B, classes]. Both are on the device, where the work
            may still be under way: to read them is to wait for it.
        """
        losses: list[Tensor] = []
        logits: list[Tensor] = []

        def learn(piece: slice) -> None:
            with self.device.autocast():
                said = _pass_through(part, inputs[piece])
                loss = self.loss(said, targets[piece])
            # Unlike `backward`, which may leave some gradients behind, this leaves all or none when memory runs out.
            scaled = self._scaler.scale(loss * (len(said) / whole))
            for parameter, gradient in zip(self._parameters, self._gradients(scaled), strict=True):
                if gradient is not None:
                    parameter.grad = (
                        gradient if parameter.grad is None else parameter.grad.add_(gradient)
                    )
            losses.append(loss.detach() * (len(said) / len(inputs)))
            logits.append(said.detach())

        before = self.pieces.size
        self.pieces.run(len(inputs), learn)
        if self.pieces.size != before:
            tried = min(len(inputs), before or len(inputs))
            self.notes.append(_memory_note(tried, self.pieces.size or 1, self.images_per_step))
        if len(losses) == 1:
            return losses[0], logits[0]
        return torch.stack(losses).sum(), torch.cat(logits)

    def _gradients(self, loss: Tensor) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(loss, self._parameters, allow_unused=True)

    def step(self, step: int) -> None:
        """Move the weights along the gradients added up, in that step of the run, counted from 0."""
        set_learning_rates(self.optimizer, self.schedule.factor(step - self.first_step))
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
        """Let the schedule and early stopping draw their conclusions."""
        self.schedule.after_epoch(val_loss)
        self.is_over = self.stopping is not None and self.stopping.update(val_loss)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        kept = {name: part.state_dict() for name, part in self._stateful().items()}
        return {**kept, "pieces": self.pieces.size, "notes": self.notes, "is_over": self.is_over}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Carry on from what `state_dict` gave."""
        for name, part in self._stateful().items():
            # Early stopping may have come in with the last phase, and a scaler only with this device.
            if name in state and (state[name] or part is not self._scaler):
                part.load_state_dict(state[name])
        self.pieces.size, self.notes, self.is_over = (
            state["pieces"],
            list(state["notes"]),
            state["is_over"],
        )

    def _stateful(self) -> dict[str, Any]:
        parts = {
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self._scaler,
            "average": self.average,
            "stopping": self.stopping,
        }
        return {name: part for name, part in parts.items() if part is not None}


def _pass_through(part: nn.Module, images: Tensor) -> Tensor:
    """BatchNorm refuses to learn from one image without width or height: it comes twice, which has the same mean."""
    if len(images) == 1 and any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in part.modules()
    ):
        return part(images.expand(2, *images.shape[1:]))[:1]  # type: ignore[no-any-return]
    return part(images)  # type: ignore[no-any-return]


def _memory_note(tried: int, size: int, images_per_step: int) -> str:
    return (
        f"Memory ran short at {tried} images at a time: now {size} at a time, with the gradients of "
        f"{-(-images_per_step // size)} added up, so that each step still sees {images_per_step}."
    )
