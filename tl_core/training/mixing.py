"""Mixup and CutMix: pairs of images become one, and so do their labels."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tl_core.config import TrainConfig
from tl_core.data.device_transfer import send


def mix(
    inputs: Tensor, labels: Tensor, n_classes: int, train: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A batch with each image mixed with another of the batch, in one proportion, by mixup or CutMix.

    When both are on, a coin decides; when both are off, all is given back as it is.

    Args:
        inputs: float [B, 3, H, W].
        labels: int64 [B].
        generator: of the CPU, and the one source of chance.

    Returns:
        The mixed images, and their labels as shares, float [B, classes], that sum to 1.
    """
    if not (train.mixup or train.cutmix):
        return inputs, labels
    cuts = train.cutmix > 0 and (train.mixup == 0 or _random(generator).random() < 0.5)
    alpha = train.cutmix if cuts else train.mixup
    kept = float(_random(generator).beta(alpha, alpha))
    partners = send(torch.randperm(len(labels), generator=generator), inputs.device)
    if cuts:
        inputs, kept = _paste(inputs, partners, kept, generator)
    else:
        inputs = inputs.lerp(inputs[partners], 1 - kept)
    shares = functional.one_hot(labels, n_classes).float()
    return inputs, shares.lerp(shares[partners], 1 - kept)


def _random(generator: torch.Generator) -> np.random.Generator:
    """NumPy's, which knows the beta distribution, seeded by torch's."""
    return np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))


def _paste(
    inputs: Tensor, partners: Tensor, kept: float, generator: torch.Generator
) -> tuple[Tensor, float]:
    """Put a rectangle of its partner into each image; gives what share of the image was really kept.

    The rectangle has the image's proportions and its centre anywhere in it (Yun et al. 2019), so that parts of it may
    lie outside.
    """
    height, width = inputs.shape[-2:]
    centre, side = _random(generator).random(2), math.sqrt(1 - kept)
    top, bottom = _span(centre[0], side, height)
    left, right = _span(centre[1], side, width)
    mixed = inputs.clone()
    mixed[..., top:bottom, left:right] = inputs[partners][..., top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(centre: float, share: float, length: int) -> tuple[int, int]:
    """(first, one past the last) pixel of a piece of an edge of `length` pixels."""
    half = share / 2
    return max(0, round((centre - half) * length)), min(length, round((centre + half) * length))
