"""Settings of data augmentation."""

from typing import Literal

from tl_core.config.choice import Choice, knob


class AugmentConfig(Choice):
    """Augmentation, all off by default; `AUGMENTATIONS` has sets for each kind of image."""

    crop: float = knob(
        1.0, "Smallest share of the image that a random crop keeps; 1 crops nothing.", gt=0, le=1
    )
    flip: bool = knob(False, "Mirror left and right, every other time.")
    vertical_flip: bool = knob(False, "Turn upside down, every other time.")
    rotation: float = knob(0.0, "Turn by up to this many degrees either way.", ge=0, le=180)
    colour: float = knob(
        0.0, "Vary brightness, contrast and saturation by up to this share.", ge=0, le=1
    )
    blur: float = knob(0.0, "Chance of a slight blur.", ge=0, le=1)
    erasing: float = knob(0.0, "Chance of covering a random rectangle.", ge=0, le=1)
    policy: Literal["none", "trivial", "rand"] = knob(
        "none",
        "A ready-made recipe of random changes on top: TrivialAugment (one) or RandAugment (two).",
    )

    @property
    def is_on(self) -> bool:
        return self != AugmentConfig()


# Mirrored photos look natural; upside down they hardly occur.
PHOTOS = AugmentConfig(crop=0.5, flip=True, colour=0.2)
AUGMENTATIONS = {
    "none": AugmentConfig(),
    "photos": PHOTOS,
    "documents": AugmentConfig(crop=0.8, rotation=8, colour=0.2, blur=0.1),
    "any-rotation": AugmentConfig(
        crop=0.7, flip=True, vertical_flip=True, rotation=180, colour=0.2
    ),
}
"""Sets by kind of image: photos; documents and digits (no flips); aerial and microscope images."""
