"""Mixup and CutMix: pairs of images, and their labels, are combined into one."""

from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torchvision.transforms import v2

from tl_core.config import TrainConfig

_MIN_ALPHA = 0.01
"""Smallest alpha passed to torchvision. Below it, float32 samples of the beta distribution
underflow and become 0.5 instead of 0 or 1; at 0.01, 93 % are within 0.001 of 0 or 1."""


class Mix(Protocol):
    """Maps inputs and labels to mixed inputs and class shares."""

    def __call__(
        self, inputs: Tensor, labels: Tensor, /, *, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]: ...


def make_mix(train: TrainConfig, n_classes: int) -> Mix | None:
    """Return the mixing that `train` selects; None if neither mixup nor CutMix is on."""
    if not (train.mixup or train.cutmix):
        return None
    return partial(mix, n_classes=n_classes, train=train)


def mix(
    inputs: Tensor, labels: Tensor, n_classes: int, train: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix each image with another of the mini-batch, all in the same proportion.

    When mixup and CutMix are both on, each is equally likely; when both are off, the arguments are
    returned unchanged.

    Args:
        inputs: float [B, 3, H, W], in random order: an image is mixed with the one before it.
        labels: int64 [B].
        generator: CPU generator, the only source of randomness.

    Returns:
        The mixed images, and their class shares, float [B, classes], which sum to 1.
    """
    kinds = {v2.MixUp: train.mixup, v2.CutMix: train.cutmix}
    choices = [
        kind(alpha=max(alpha, _MIN_ALPHA), num_classes=n_classes)
        for kind, alpha in kinds.items()
        if alpha
    ]
    if not choices:
        return inputs, labels
    seed = int(torch.randint(2**62, (), generator=generator))
    # torchvision draws from the CPU's global generator, which is seeded and then restored.
    with torch.random.fork_rng(devices=()):
        # `torch.manual_seed` would also seed the GPU's generator, which is not restored here.
        torch.default_generator.manual_seed(seed)
        images, shares = v2.RandomChoice(choices)(inputs, labels)
    return images, shares
