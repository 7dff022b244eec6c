"""The part that is always trained: from pooled features to one logit a class."""

from torch import nn


def make_head(features: int, n_classes: int, *, hidden_units: int = 0, dropout: float = 0.0) -> nn.Sequential:
    """Float [B, features] to logits [B, n_classes]; linear, or with one hidden layer when `hidden_units` > 0."""
    layers: list[nn.Module] = []
    if hidden_units:
        layers += [nn.Linear(features, hidden_units), nn.ReLU()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(hidden_units or features, n_classes))


def head_parameters(features: int, n_classes: int, hidden_units: int) -> int:
    """Weights and biases of that head, without building it."""
    if not hidden_units:
        return (features + 1) * n_classes
    return (features + 1) * hidden_units + (hidden_units + 1) * n_classes
