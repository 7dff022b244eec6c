"""Heads: from pooled features to one logit per class. They are always trained."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from tl_core.config import ModelConfig
from tl_core.errors import ConfigError


class OneOutput(nn.Module):
    """Turn one output z [B, 1] into two logits [0, z], whose softmax is the sigmoid of z."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(z), z], dim=1)


def make_head(features: int, n_classes: int, config: ModelConfig) -> nn.Sequential:
    """Make the head, from features [B, features] to logits [B, n_classes].

    Each linear layer has dropout in front, each hidden one a ReLU behind.

    Raises:
        ConfigError: a sigmoid output for other than two classes.
    """
    widths = _widths(features, n_classes, config)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Dropout(config.dropout)] if config.dropout else []
        layers += [nn.Linear(before, after), nn.ReLU()]
    # Logits need negative values, so that no ReLU follows the last layer.
    layers.pop()
    return nn.Sequential(*layers, *([OneOutput()] if config.output == "sigmoid" else []))


def head_parameters(features: int, n_classes: int, config: ModelConfig) -> int:
    """Count the weights and biases of the head without building it."""
    return sum(
        (before + 1) * after for before, after in pairwise(_widths(features, n_classes, config))
    )


def _widths(features: int, n_classes: int, config: ModelConfig) -> tuple[int, ...]:
    if config.output == "sigmoid" and n_classes != 2:
        raise ConfigError(
            f"Output: 'sigmoid' needs exactly two classes, and there are {n_classes}; give "
            "'softmax'."
        )
    return (features, *config.hidden_units, 1 if config.output == "sigmoid" else n_classes)
