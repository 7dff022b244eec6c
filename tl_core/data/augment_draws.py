"""Random choices of augmentation for one image, as plain data: a crop box and operations."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.config import AugmentConfig
from tl_core.data.augment_ops import Op
from tl_core.data.augment_policies import draw_policy, recolouring, turn
from tl_core.data.resizing import Box

# Ranges of torchvision's RandomResizedCrop, and those of its RandomErasing below.
_CROP_RATIO = (3 / 4, 4 / 3)
_BLUR_SIGMA = (0.3, 1.5)
"""Standard deviation of the blur, in pixels of the resized image."""
# Beyond it lies less than 1 % of the widest kernel.
_BLUR_REACH = 4
"""Radius of the blur kernel, in pixels."""
_ERASED_SHARE = (0.02, 0.33)
_ERASED_RATIO = (0.3, 3.3)


@dataclass(frozen=True, slots=True)
class Draws:
    """Augmentation drawn for one image."""

    box: Box | None
    """Crop box, applied first; None for the centre crop of evaluation."""
    ops: tuple[Op | None, ...]
    """Operations after the crop, in order. An operation that was not drawn is None, so that the
    same index means the same setting in the draws of every image of a batch."""


def draw(config: AugmentConfig, rng: random.Random, size: tuple[int, int]) -> Draws:
    """Draw the augmentation of one image. All randomness comes from `rng`.

    Args:
        size: width and height of the image that is cropped.
    """
    box = _draw_box(*size, config.crop, rng) if config.crop < 1 else None
    return Draws(box, tuple(_draw_ops(config, rng)))


def _draw_ops(config: AugmentConfig, rng: random.Random) -> Iterator[Op | None]:
    if config.flip:
        yield Op("flip") if rng.random() < 0.5 else None
    if config.vertical_flip:
        yield Op("vertical_flip") if rng.random() < 0.5 else None
    if config.rotation:
        yield turn(rng.uniform(-config.rotation, config.rotation))
    if config.colour:
        yield recolouring(*(rng.uniform(1 - config.colour, 1 + config.colour) for _ in range(3)))
    if config.policy != "none":
        yield from draw_policy(config.policy, rng)
    if config.blur:
        yield Op("blur", bell(rng.uniform(*_BLUR_SIGMA))) if rng.random() < config.blur else None
    # Last, so that nothing blurs or recolours the covered rectangle.
    if config.erasing:
        yield Op("erase", _draw_rectangle(rng)) if rng.random() < config.erasing else None


def _draw_box(width: int, height: int, smallest: float, rng: random.Random) -> Box:
    """Draw a crop of random area and aspect ratio (Szegedy et al., 2015)."""
    # A drawn rectangle may be longer than a side of the image, as torchvision allows ten times.
    for _ in range(10):
        area = width * height * rng.uniform(smallest, 1)
        ratio = _draw_ratio(_CROP_RATIO, rng)
        w = math.sqrt(area * ratio)
        h = math.sqrt(area / ratio)
        if w <= width and h <= height:
            return _place(w, h, width, height, rng)
    # Only very long images come here, in which a square always fits.
    side = min(width, height)
    return _place(side, side, width, height, rng)


def _place(w: float, h: float, width: int, height: int, rng: random.Random) -> Box:
    left = rng.uniform(0, width - w)
    top = rng.uniform(0, height - h)
    # Rounding could put the far sides just outside.
    return left, top, min(left + w, width), min(top + h, height)


def _draw_rectangle(rng: random.Random) -> Box:
    """Draw left, top, right and bottom as shares of the image (random erasing)."""
    share = rng.uniform(*_ERASED_SHARE)
    ratio = _draw_ratio(_ERASED_RATIO, rng)
    w = min(math.sqrt(share * ratio), 1)
    h = min(math.sqrt(share / ratio), 1)
    left = rng.uniform(0, 1 - w)
    top = rng.uniform(0, 1 - h)
    return left, top, left + w, top + h


def _draw_ratio(bounds: tuple[float, float], rng: random.Random) -> float:
    # Uniform in the logarithm: wide and tall rectangles are equally likely.
    return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))


def bell(sigma: float) -> tuple[float, ...]:
    """Return a Gaussian kernel's weights at distances 0, 1, 2 …; both sides together sum to 1."""
    heights = [math.exp(-0.5 * (distance / sigma) ** 2) for distance in range(_BLUR_REACH + 1)]
    total = heights[0] + 2 * sum(heights[1:])
    return tuple(height / total for height in heights)
