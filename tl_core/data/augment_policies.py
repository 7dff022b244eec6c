"""TrivialAugment (Müller and Hutter, 2021) and RandAugment (Cubuk et al., 2020).

Strengths are torchvision's, with two differences: rotating, shearing and shifting interpolate and
mirror the image at its borders, where torchvision fills with black; and shifts are shares of the
image, so that they mean the same at every image size.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tl_core.data.augment_ops import Op

_BINS = 30
"""Highest strength; 0 is the lowest."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Augmentation policy: its number of operations and their parameters at full strength."""

    changes: int
    """Operations per image."""
    strengths: Sequence[int]
    """Strengths to draw from, between 0 and `_BINS`."""
    shear: float
    shift: float
    """Shift as a share of the image; TrivialAugment's 32 pixels refer to the usual 224."""
    degrees: float
    factor: float
    """Largest change of brightness, contrast, saturation and sharpness from 1."""
    bits: int
    """Bits per channel that posterizing removes."""


POLICIES: dict[str, Policy] = {
    "trivial": Policy(
        1, range(_BINS + 1), shear=0.99, shift=32 / 224, degrees=135, factor=0.99, bits=6
    ),
    "rand": Policy(2, (9,), shear=0.3, shift=150 / 331, degrees=30, factor=0.9, bits=4),
}

CHANGES: dict[str, Callable[[Policy, float, float], Op | None]] = {
    "identity": lambda policy, strength, signed: None,
    # The upper or left border stays in place and not the centre, as in torchvision and Pillow.
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
"""Operations that both policies choose from, by name. Each is made from the policy, a strength from
0 to 1, and the same strength with a random sign."""

_NAMES = tuple(CHANGES)


def draw_policy(name: Literal["trivial", "rand"], rng: random.Random) -> list[Op | None]:
    """Draw one operation for TrivialAugment, two for RandAugment; None stands for the identity."""
    return [_draw_change(POLICIES[name], rng) for _ in range(POLICIES[name].changes)]


def _draw_change(policy: Policy, rng: random.Random) -> Op | None:
    strength = rng.choice(policy.strengths) / _BINS
    return CHANGES[rng.choice(_NAMES)](policy, strength, rng.choice((-strength, strength)))


def turn(degrees: float) -> Op:
    """Return a rotation about the centre, counter-clockwise."""
    angle = math.radians(degrees)
    cos = math.cos(angle)
    sin = math.sin(angle)
    # This maps the result back to the source: clockwise, since y points downwards.
    return Op("warp", (cos, -sin, 0, sin, cos, 0))


def recolouring(brightness: float, contrast: float, saturation: float) -> Op:
    """Combine brightness, contrast and saturation, in that order; a factor of 1 changes nothing."""
    # All three are linear, so one mix of pixel, grey and mean grey does them and clips only once.
    scale = brightness * contrast
    own = scale * saturation
    from_grey = scale * (1 - saturation)
    from_mean = brightness * (1 - contrast)
    return Op("recolour", (own, from_grey, from_mean))


def _shear(x: float, y: float) -> Op:
    # Half the shear as a shift moves the fixed line from the centre to the border.
    return Op("warp", (1, x, x / 2, y, 1, y / 2))
