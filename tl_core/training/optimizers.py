"""How weights move: an optimizer with its two learning rates, and their course over the run."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from tl_core.config import TrainConfig

DEFAULT_LEARNING_RATES = {"adamw": 1e-2, "sgd": 3e-2}
"""Of the head."""
BACKBONE_SHARE = 0.1
"""Pretrained stages move a tenth as fast as the new head."""
WARM_UP_SHARE = 0.1


def learning_rates(config: TrainConfig, pretrained: bool) -> tuple[float, float]:
    """(head, backbone) learning rates, defaults filled in."""
    head = config.learning_rate or DEFAULT_LEARNING_RATES[config.optimizer]
    return head, config.backbone_learning_rate or head * (BACKBONE_SHARE if pretrained else 1.0)


def make_optimizer(model: nn.Module, head: nn.Module, config: TrainConfig, pretrained: bool) -> Optimizer:
    """An optimizer over the trainable weights of `model`, of which `head` is a part with its own rate.

    Weight decay spares biases and normalisation, which have one dimension.
    """
    head_rate, backbone_rate = learning_rates(config, pretrained)
    in_head = set(map(id, head.parameters()))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            rate = head_rate if id(parameter) in in_head else backbone_rate
            decay = config.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    tables = [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]
    return AdamW(tables) if config.optimizer == "adamw" else SGD(tables, lr=head_rate, momentum=0.9)


def make_schedule(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """Rise over the first tenth of the steps, then fall along a half cosine to zero."""
    return LambdaLR(optimizer, _warm_up_then_cosine(total_steps))


def _warm_up_then_cosine(total_steps: int) -> Callable[[int], float]:
    warm_up = max(1, round(total_steps * WARM_UP_SHARE))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total_steps - warm_up)))

    return factor


def seed_everything(seed: int) -> None:
    """Of torch's global generators, which draw the head's first weights and dropout."""
    torch.manual_seed(seed)
