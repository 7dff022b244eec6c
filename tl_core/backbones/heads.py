"""The part that is always trained: from pooled features to one logit a class."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from tl_core.config import ModelConfig
from tl_core.errors import ConfigError


class OneOutput(nn.Module):
    """A single output z [B, 1] as two logits [0, z]: their softmax is z's sigmoid, exactly."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(z), z], dim=1)


def make_head(features: int, n_classes: int, config: ModelConfig) -> nn.Sequential:
    """Float [B, features] to logits [B, n_classes]: hidden layers if any, each with dropout in front.

    Raises:
        ConfigError: a sigmoid output for other than two classes.
    """
    widths = _widths(features, n_classes, config)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Dropout(config.dropout)] if config.dropout else []
        layers += [nn.Linear(before, after), nn.ReLU()]
    layers.pop()
    return nn.Sequential(*layers, *([OneOutput()] if config.output == "sigmoid" else []))


def head_parameters(features: int, n_classes: int, config: ModelConfig) -> int:
    """Weights and biases of that head, without building it."""
    return sum(
        (before + 1) * after for before, after in pairwise(_widths(features, n_classes, config))
    )


def _widths(features: int, n_classes: int, config: ModelConfig) -> tuple[int, ...]:
    if config.output == "sigmoid" and n_classes != 2:
        raise ConfigError(
            f"Output: 'sigmoid' needs exactly two classes, and there are {n_classes}; give 'softmax'."
        )
    return (features, *config.hidden_units, 1 if config.output == "sigmoid" else n_classes)
