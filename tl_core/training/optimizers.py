"""Optimizers and their default learning rates, with parameter groups per stage."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import Any

from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from tl_core.backbones import TransferModel, parameters_by_part
from tl_core.config import TrainConfig
from tl_core.config.training import OptimizerName

DEFAULT_LEARNING_RATES: dict[OptimizerName, float] = {
    "gd": 0.2,
    "sgd": 0.3,
    "momentum": 3e-2,
    "nesterov": 3e-2,
    "adagrad": 3e-2,
    "rmsprop": 3e-4,
    "adam": 1e-2,
    "adamw": 1e-2,
}
"""Default learning rate of the head."""
BACKBONE_SHARE = 0.1
"""Default learning rate of pretrained stages, relative to the new head's."""

_Group = dict[str, Any]
_RULES: dict[OptimizerName, Callable[[list[_Group], TrainConfig], Optimizer]] = {
    "gd": lambda groups, train: SGD(groups, fused=_can_fuse(groups)),
    "sgd": lambda groups, train: SGD(groups, fused=_can_fuse(groups)),
    "momentum": lambda groups, train: SGD(groups, momentum=train.momentum, fused=_can_fuse(groups)),
    # Torch refuses Nesterov's method without momentum, where it equals plain SGD.
    "nesterov": lambda groups, train: SGD(
        groups, momentum=train.momentum, nesterov=train.momentum > 0, fused=_can_fuse(groups)
    ),
    # Fused Adagrad exists on the CPU only, fused RMSprop nowhere.
    "adagrad": lambda groups, train: Adagrad(groups, fused=_can_fuse(groups, "cpu")),
    "rmsprop": lambda groups, train: RMSprop(groups, momentum=train.momentum),
    "adam": lambda groups, train: Adam(groups, fused=_can_fuse(groups)),
    "adamw": lambda groups, train: AdamW(groups, fused=_can_fuse(groups)),
}

OPTIMIZER_SENTENCES: dict[OptimizerName, str] = {
    "gd": (
        "Gradient descent computes the exact gradient over all training images before each step, "
        "so it takes one step an epoch and needs many epochs."
    ),
    "sgd": (
        "Stochastic gradient descent takes a step after every mini-batch, against the gradient of "
        "that mini-batch."
    ),
    "momentum": (
        "SGD that keeps part of its last step, like a rolling ball: noise averages out, and steps "
        "get longer where the gradient keeps its direction."
    ),
    "nesterov": (
        "Momentum that takes the gradient at the point to which momentum is about to lead, and so "
        "brakes earlier."
    ),
    "adagrad": (
        "Divides each weight's step by the root of the sum of all its squared gradients so far: "
        "rarely updated weights take larger steps, and all steps shrink over time."
    ),
    "rmsprop": (
        "Divides each weight's step by the root mean square of its recent gradients, so that steps "
        "do not shrink towards zero."
    ),
    "adam": (
        "RMSprop with momentum and a bias correction for the first steps; weight decay is added to "
        "the gradient, and so is divided as well."
    ),
    "adamw": (
        "Adam with weight decay separate from the gradient, so that all weights decay at the same "
        "rate: a safe first choice."
    ),
}
"""Description of each optimizer in one sentence, for students."""


def learning_rates(train: TrainConfig, pretrained: bool) -> tuple[float, float]:
    """Return the learning rates of (head, backbone), with defaults filled in."""
    head = train.learning_rate or DEFAULT_LEARNING_RATES[train.optimizer]
    # Random weights have nothing to lose, and learn at the head's rate.
    share = BACKBONE_SHARE if pretrained else 1.0
    return head, train.backbone_learning_rate or head * share


def images_per_step(train: TrainConfig, n_train: int) -> int:
    """Return the images per optimizer step: all `n_train` of them for gradient descent."""
    if train.optimizer == "gd":
        return n_train
    return train.images_per_batch * train.accumulate


def steps_per_epoch(train: TrainConfig, n_train: int) -> int:
    """Return the optimizer steps in an epoch over `n_train` images: one for gradient descent."""
    if train.optimizer == "gd":
        return 1
    return ceil(n_train / images_per_step(train, n_train))


def make_optimizer(train: TrainConfig, model: TransferModel, rates: Sequence[float]) -> Optimizer:
    """Return a new optimizer over the weights of `model` that are not frozen.

    Each parameter group carries its "part", a stage's index or "head", and its rate as "base_lr".
    Weight decay is not applied to biases and normalisation weights, which have one dimension.

    Args:
        rates: base learning rate of every stage from the input, then of the head (`Phase.rates`).
    """
    return _RULES[train.optimizer](list(_groups(train, model, rates)), train)


def _can_fuse(groups: list[_Group], *devices: str) -> bool | None:
    """Return True if torch has a fused kernel on all `devices` used, else None for its default.

    Without `devices`, the kernel exists on CPU and CUDA.
    """
    types = {parameter.device.type for group in groups for parameter in group["params"]}
    return types <= set(devices or ("cpu", "cuda")) or None


def _groups(train: TrainConfig, model: TransferModel, rates: Sequence[float]) -> Iterator[_Group]:
    parts = parameters_by_part(model)
    for index, (parameters, rate) in enumerate(zip(parts, rates, strict=True)):
        trainable = [parameter for parameter in parameters if parameter.requires_grad]
        part = index if index < len(parts) - 1 else "head"
        matrices = [parameter for parameter in trainable if parameter.ndim > 1]
        vectors = [parameter for parameter in trainable if parameter.ndim <= 1]
        for params, decay in ((matrices, train.weight_decay), (vectors, 0.0)):
            # Torch refuses empty groups, which frozen stages would give.
            if params:
                group = {"params": params, "lr": rate, "weight_decay": decay}
                yield {**group, "part": part, "base_lr": rate}


def set_learning_rates(optimizer: Optimizer, factor: float) -> None:
    """Give every group `factor` times its base rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
