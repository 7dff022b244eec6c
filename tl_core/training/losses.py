"""Training losses: cross-entropy and focal loss, with class weights and label smoothing."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tl_core.config import TrainConfig

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps logits and targets to a scalar."""

_MIN_DISTANCE = 1e-3
"""Lower bound of 1 - p in focal loss: for gamma below 1 its power has no finite slope at 0."""


def make_loss(train: TrainConfig, class_counts: Sequence[int], device: torch.device) -> Loss:
    """Return the loss function that `train` selects.

    It takes logits, float [B, C], and targets, either labels, int64 [B], or class shares, float
    [B, C], that sum to 1. The weighted losses are averaged over B and not over the sum of weights,
    so that the losses of a mini-batch's pieces, each times its share of the images, add up to the
    mini-batch's loss.

    Args:
        class_counts: number of training images of each class.
    """
    n_classes = len(class_counts)
    smoothing = train.label_smoothing
    weights = class_weights(class_counts).to(device) if train.class_balance == "weights" else None
    gamma = train.focal_gamma if train.loss == "focal" else 0.0

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        # Mixed precision gives half-precision logits, too coarse for the logarithm.
        logits = logits.float()
        if gamma:
            shares = _as_shares(targets, n_classes) * (1 - smoothing) + smoothing / n_classes
            return _focal(logits, shares, gamma, weights)
        # reduction="mean" would divide by the sum of weights where targets are labels.
        total = functional.cross_entropy(
            logits, targets, weights, reduction="sum", label_smoothing=smoothing
        )
        return total / len(logits)

    return loss


def class_weights(class_counts: Sequence[int]) -> Tensor:
    """Return weights, float [C], inverse to the class sizes and 1 on average over the images.

    A class without training images has weight 0.
    """
    counts = torch.tensor(class_counts, dtype=torch.float64)
    present = counts > 0
    # The clamp avoids a division by zero for absent classes.
    weights = counts.sum() / (present.sum() * counts.clamp(min=1))
    return torch.where(present, weights, 0).float()


def _as_shares(targets: Tensor, n_classes: int) -> Tensor:
    """Return targets as class shares, float [B, C]; labels become one-hot rows."""
    return (functional.one_hot(targets, n_classes) if targets.ndim == 1 else targets).float()


def _focal(logits: Tensor, shares: Tensor, gamma: float, weights: Tensor | None) -> Tensor:
    """Return the mean focal loss, -(1 - p)^gamma log p of the true class (Lin et al. 2017).

    For mixed labels 1 - p becomes |share - p| (quality focal loss, Li et al. 2020): equal where the
    share is 1, and minimal where the predicted probabilities equal the shares.
    """
    log_p = functional.log_softmax(logits, 1)
    distance = (shares - log_p.exp()).abs().clamp(min=_MIN_DISTANCE)
    terms = -shares * distance**gamma * log_p
    if weights is not None:
        terms = terms * weights
    return terms.sum(1).mean()
