"""TrivialAugment (Müller and Hutter, 2021) and RandAugment (Cubuk et al., 2020), with torchvision's figures.

Two things differ from torchvision: turning, shearing and shifting interpolate, and mirror the image at its borders
where torchvision lets in black; and a shift is a share of the image, so that it means the same at every image size.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tl_core.data.augment_ops import Op

_BINS = 30
"""Strengths go from 0 to this."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How many changes, and what full strength means."""

    changes: int
    strengths: Sequence[int]
    shear: float
    shift: float
    """As a share of the image; TrivialAugment's 32 pixels are of the usual 224."""
    degrees: float
    factor: float
    """How far brightness, contrast, saturation and sharpness go from 1."""
    bits: int
    """That posterizing takes away."""


POLICIES: dict[str, Policy] = {
    "trivial": Policy(
        1, range(_BINS + 1), shear=0.99, shift=32 / 224, degrees=135, factor=0.99, bits=6
    ),
    "rand": Policy(2, (9,), shear=0.3, shift=150 / 331, degrees=30, factor=0.9, bits=4),
}

CHANGES: dict[str, Callable[[Policy, float, float], Op | None]] = {
    "identity": lambda policy, strength, signed: None,
    # Sheared along the upper or left border and not the middle, as torchvision and Pillow do.
    "shear_x": lambda policy, strength, signed: _shear(policy.shear * signed, 0),
    "shear_y": lambda policy, strength, signed: _shear(0, policy.shear * signed),
    "shift_x": lambda policy, strength, signed: Op("warp", (1, 0, policy.shift * signed, 0, 1, 0)),
    "shift_y": lambda policy, strength, signed: Op("warp", (1, 0, 0, 0, 1, policy.shift * signed)),
    "turn": lambda policy, strength, signed: turn(policy.degrees * signed),
    "brightness": lambda policy, strength, signed: recolouring(1 + policy.factor * signed, 1, 1),
    "contrast": lambda policy, strength, signed: recolouring(1, 1 + policy.factor * signed, 1),
    "saturation": lambda policy, strength, signed: recolouring(1, 1, 1 + policy.factor * signed),
    "sharpness": lambda policy, strength, signed: Op("sharpen", (1 + policy.factor * signed,)),
    "posterize": lambda policy, strength, signed: Op(
        "posterize", (round(8 - policy.bits * strength),)
    ),
    "solarize": lambda policy, strength, signed: Op("solarize", (255 * (1 - strength),)),
    "auto_contrast": lambda policy, strength, signed: Op("auto_contrast"),
    "equalize": lambda policy, strength, signed: Op("equalize"),
}
"""What both choose from, by name: from the policy, a strength from 0 to 1, and the same with a random sign."""

_NAMES = tuple(CHANGES)


def draw_policy(name: Literal["trivial", "rand"], rng: random.Random) -> list[Op | None]:
    """One change for TrivialAugment, two for RandAugment; None where the draw fell on leaving the image as it is."""
    return [_draw_change(POLICIES[name], rng) for _ in range(POLICIES[name].changes)]


def _draw_change(policy: Policy, rng: random.Random) -> Op | None:
    strength = rng.choice(policy.strengths) / _BINS
    return CHANGES[rng.choice(_NAMES)](policy, strength, rng.choice((-strength, strength)))


def turn(degrees: float) -> Op:
    """Turn about the middle, counter-clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Op("warp", (cos, -sin, 0, sin, cos, 0))


def recolouring(brightness: float, contrast: float, saturation: float) -> Op:
    """Brightness, then contrast, then saturation, clipped once at the end; a factor of 1 changes nothing."""
    scale = brightness * contrast
    return Op(
        "recolour", (scale * saturation, scale * (1 - saturation), brightness * (1 - contrast))
    )


def _shear(x: float, y: float) -> Op:
    return Op("warp", (1, x, x / 2, y, 1, y / 2))
