"""What chance decides about an image, as plain data: what to cut out, and what to do then."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.config import AugmentConfig
from tl_core.data.augment_ops import Op
from tl_core.data.augment_policies import draw_policy, recolouring, turn
from tl_core.data.resizing import Box

_CROP_RATIO = (3 / 4, 4 / 3)
_BLUR_SIGMA = (0.3, 1.5)
"""In pixels of what the backbone sees."""
_BLUR_REACH = 4
_ERASED_SHARE = (0.02, 0.33)
_ERASED_RATIO = (0.3, 3.3)


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance decided for one image."""

    box: Box | None
    """What to cut out, before anything else; None for what evaluation looks at."""
    ops: tuple[Op | None, ...]
    """What to do then, in order. None where chance decided against it: the same place means the same setting in the
    draws of other images, so that a batch is done place by place."""


def draw(config: AugmentConfig, rng: random.Random, size: tuple[int, int]) -> Draws:
    """Decide how to vary one image. All chance comes from `rng`.

    Args:
        size: width and height of the image that the box is cut from.
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
    if config.erasing:
        yield Op("erase", _draw_rectangle(rng)) if rng.random() < config.erasing else None


def _draw_box(width: int, height: int, smallest: float, rng: random.Random) -> Box:
    """A random share of the image with a random ratio of its sides, as in the Inception paper and since."""
    for _ in range(10):
        area = width * height * rng.uniform(smallest, 1)
        ratio = _draw_ratio(_CROP_RATIO, rng)
        w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if w <= width and h <= height:
            return _place(w, h, width, height, rng)
    side = min(width, height)
    return _place(side, side, width, height, rng)


def _place(w: float, h: float, width: int, height: int, rng: random.Random) -> Box:
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return left, top, min(left + w, width), min(top + h, height)


def _draw_rectangle(rng: random.Random) -> Box:
    """Left, top, right, bottom as shares of the image."""
    share, ratio = rng.uniform(*_ERASED_SHARE), _draw_ratio(_ERASED_RATIO, rng)
    w, h = min(math.sqrt(share * ratio), 1), min(math.sqrt(share / ratio), 1)
    left, top = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
    return left, top, left + w, top + h


def _draw_ratio(bounds: tuple[float, float], rng: random.Random) -> float:
    return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))


def bell(sigma: float) -> tuple[float, ...]:
    """Weights of a pixel itself and of those 1, 2 … to either side of it; together with both sides they are 1."""
    heights = [math.exp(-0.5 * (distance / sigma) ** 2) for distance in range(_BLUR_REACH + 1)]
    total = heights[0] + 2 * sum(heights[1:])
    return tuple(height / total for height in heights)
