"""Mixup and CutMix: pairs of images become one, and so do their labels."""

import torch
from torch import Tensor
from torchvision.transforms import v2

from tl_core.config import TrainConfig

_LEAST_ALPHA = 0.01
"""Below it float32 samples of the beta distribution underflow, and come out as one half instead of
0 or 1; at it 93 of 100 are within 0.001 of 0 or 1."""


def mix(
    inputs: Tensor, labels: Tensor, n_classes: int, train: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix each image of a batch with another one, in one proportion, by mixup or CutMix.

    When both are on, each is as likely; when both are off, all is given back as it is.

    Args:
        inputs: float [B, 3, H, W], in random order: an image is mixed with the one before it.
        labels: int64 [B].
        generator: of the CPU, and the one source of chance.

    Returns:
        The mixed images, and their labels as shares, float [B, classes], that sum to 1.
    """
    kinds = {v2.MixUp: train.mixup, v2.CutMix: train.cutmix}
    choices = [
        kind(alpha=max(alpha, _LEAST_ALPHA), num_classes=n_classes)
        for kind, alpha in kinds.items()
        if alpha
    ]
    if not choices:
        return inputs, labels
    seed = int(torch.randint(2**62, (), generator=generator))
    # torchvision draws from the CPU's global generator, which is seeded and then restored.
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)
        images, shares = v2.RandomChoice(choices)(inputs, labels)
    return images, shares
