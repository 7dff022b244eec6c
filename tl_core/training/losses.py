"""What training makes small: cross-entropy or focal loss, with class weights and label smoothing."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tl_core.config import TrainConfig

Loss = Callable[[Tensor, Tensor], Tensor]

_LEAST_DISTANCE = 1e-3
"""Below it focal loss weighs all images alike: a power below 1 has no finite slope at 0."""


def make_loss(train: TrainConfig, class_counts: Sequence[int], device: torch.device) -> Loss:
    """The loss that `train` asks for.

    It takes logits, float [B, C], and targets, int64 [B] or float [B, C] that sum to 1, and gives the mean over the
    images, weights included: the mean is over B and not over the weights' sum, so that the losses of a batch's
    pieces, each times its share of the images, add up to the batch's.

    Args:
        class_counts: training images of each class.
    """
    weights = class_weights(class_counts).to(device) if train.class_balance == "weights" else None
    gamma = train.focal_gamma if train.loss == "focal" else 0.0

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        logits = logits.float()
        if gamma:
            shares = _as_shares(targets, len(class_counts))
            shares = shares * (1 - train.label_smoothing) + train.label_smoothing / len(
                class_counts
            )
            return _focal(logits, shares, gamma, weights)
        # Its own mean would be over the weights' sum where the targets are classes.
        total = functional.cross_entropy(
            logits, targets, weights, reduction="sum", label_smoothing=train.label_smoothing
        )
        return total / len(logits)

    return loss


def class_weights(class_counts: Sequence[int]) -> Tensor:
    """Float [C]: inverse to the classes' sizes, and 1 on average over the training images.

    A class without a training image weighs nothing: there is nothing to learn it from.
    """
    counts = torch.tensor(class_counts, dtype=torch.float64)
    present = counts > 0
    weights = counts.sum() / (present.sum() * counts.clamp(min=1))
    return torch.where(present, weights, 0).float()


def _as_shares(targets: Tensor, n_classes: int) -> Tensor:
    """Float [B, C]: how much of each image belongs to each class."""
    return (functional.one_hot(targets, n_classes) if targets.ndim == 1 else targets).float()


def _focal(logits: Tensor, shares: Tensor, gamma: float, weights: Tensor | None) -> Tensor:
    """Lin et al. 2017: -(1 - p)^gamma log p of the true class.

    For mixed labels 1 - p becomes the distance between share and probability (Li et al. 2020, quality focal loss):
    the same where the share is 1, and smallest where the model says what the shares are.
    """
    log_p = functional.log_softmax(logits, 1)
    distance = (shares - log_p.exp()).abs().clamp(min=_LEAST_DISTANCE)
    terms = -shares * distance**gamma * log_p
    return (terms if weights is None else terms * weights).sum(1).mean()
