"""How weights move: the update rules, and the learning rate of every part of the network."""

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
"""Of the head."""
BACKBONE_SHARE = 0.1
"""Pretrained stages move a tenth as fast as the new head."""

_Group = dict[str, Any]
_RULES: dict[OptimizerName, Callable[[list[_Group], TrainConfig], Optimizer]] = {
    "gd": lambda groups, train: SGD(groups, fused=_can_fuse(groups)),
    "sgd": lambda groups, train: SGD(groups, fused=_can_fuse(groups)),
    "momentum": lambda groups, train: SGD(groups, momentum=train.momentum, fused=_can_fuse(groups)),
    "nesterov": lambda groups, train: SGD(
        groups, momentum=train.momentum, nesterov=train.momentum > 0, fused=_can_fuse(groups)
    ),
    "adagrad": lambda groups, train: Adagrad(groups, fused=_can_fuse(groups, "cpu")),
    "rmsprop": lambda groups, train: RMSprop(groups, momentum=train.momentum),
    "adam": lambda groups, train: Adam(groups, fused=_can_fuse(groups)),
    "adamw": lambda groups, train: AdamW(groups, fused=_can_fuse(groups)),
}

OPTIMIZER_SENTENCES: dict[OptimizerName, str] = {
    "gd": "Gradient descent looks at every training image before each step, so it takes one step an epoch: the exact "
    "direction, and many epochs.",
    "sgd": "Stochastic gradient descent steps after every batch, straight down that batch's slope.",
    "momentum": "SGD that keeps some of its last step, like a ball that rolls: noise averages out, and it gets faster "
    "where the slope stays the same.",
    "nesterov": "Momentum that takes the slope where its swing is about to carry it, and so brakes earlier.",
    "adagrad": "Divides each weight's step by the size of all its gradients so far: rarely used weights take larger "
    "steps, and all steps shrink over time.",
    "rmsprop": "Divides each weight's step by the size of its recent gradients only, so that steps do not shrink away.",
    "adam": "RMSprop with momentum, corrected for its first steps; weight decay is added to the gradient, and so is "
    "divided as well.",
    "adamw": "Adam with weight decay apart from the gradient, so that every weight is pulled alike: a safe first "
    "choice.",
}
"""What each does, for a student."""


def learning_rates(train: TrainConfig, pretrained: bool) -> tuple[float, float]:
    """(head, backbone) learning rates, defaults filled in."""
    head = train.learning_rate or DEFAULT_LEARNING_RATES[train.optimizer]
    return head, train.backbone_learning_rate or head * (BACKBONE_SHARE if pretrained else 1.0)


def steps_per_epoch(train: TrainConfig, n_train: int) -> int:
    """How often an epoch over `n_train` images adjusts the weights: once for gradient descent."""
    return (
        1
        if train.optimizer == "gd"
        else ceil(ceil(n_train / train.images_per_batch) / train.accumulate)
    )


def make_optimizer(train: TrainConfig, model: TransferModel, rates: Sequence[float]) -> Optimizer:
    """Makes a fresh optimizer over the weights of `model` that are not frozen.

    Each group carries its "part", a stage's index or "head", and its rate as "base_lr". Weight
    decay spares biases and normalisation, which have one dimension.

    Args:
        rates: base learning rate of every stage from the input, then of the head (`Phase.rates`).
    """
    return _RULES[train.optimizer](list(_groups(train, model, rates)), train)


def _can_fuse(groups: list[_Group], *devices: str) -> bool | None:
    """True where torch has the whole rule in one kernel, for `devices` or for CPU and CUDA; else torch chooses."""
    types = {parameter.device.type for group in groups for parameter in group["params"]}
    return types <= set(devices or ("cpu", "cuda")) or None


def _groups(train: TrainConfig, model: TransferModel, rates: Sequence[float]) -> Iterator[_Group]:
    parts = parameters_by_part(model)
    for index, (parameters, rate) in enumerate(zip(parts, rates, strict=True)):
        trainable = [parameter for parameter in parameters if parameter.requires_grad]
        for is_matrix, decay in ((True, train.weight_decay), (False, 0.0)):
            if chosen := [
                parameter for parameter in trainable if (parameter.ndim > 1) is is_matrix
            ]:
                part = index if index < len(parts) - 1 else "head"
                yield {
                    "params": chosen,
                    "lr": rate,
                    "weight_decay": decay,
                    "part": part,
                    "base_lr": rate,
                }


def set_learning_rates(optimizer: Optimizer, factor: float) -> None:
    """Give every group `factor` times its base rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
