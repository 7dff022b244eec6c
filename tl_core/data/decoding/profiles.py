"""Conversion of colours to sRGB by the ICC profile in an image."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""Colour space of a profile for each mode of an image."""
_CLASSES = ("scnr", "mntr", "prtr", "spac")
"""Classes of profiles that describe a scanner, monitor, printer or colour space."""
_LARGEST = 4 * 2**20
"""Bytes of the largest profile that is used; those of presses have up to 3 MB."""
_GREYS = {
    "RGB": Image.fromarray(np.repeat(np.array([[[255], [128], [0]]], np.uint8), 3, 2)),
    "L": Image.fromarray(np.array([[255, 128, 0]], np.uint8)),
    "CMYK": Image.frombytes("CMYK", (3, 1), bytes((0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 255))),
}
"""White, grey and black in each mode."""
_UNSEEN = 2
"""Difference, of 255, up to which a profile counts as sRGB itself."""


def to_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, by the profile if it makes sense for an image of this mode.

    An RGB image that needs no conversion is returned without a copy.
    """
    if profile and colours.mode in _SPACES:
        transform = _transform(bytes(profile), colours.mode)
        if transform is not None:
            converted = ImageCms.applyTransform(colours, transform)
            assert converted is not None
            return converted
    return colours if colours.mode == "RGB" else colours.convert("RGB")


def lab_to_srgb(image: Image.Image) -> Image.Image:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted


# Most images of a dataset have the same profile, and making a transform takes milliseconds.
@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB; None for a profile that is broken, absurd, or sRGB itself."""
    if len(profile) > _LARGEST:
        return None
    # A profile comes from outside, and a broken one must not make a sound image unusable.
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        if source.profile.device_class not in _CLASSES:
            return None
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
        return transform if _is_needed(transform, mode) and _is_sane(transform, mode) else None
    # LittleCMS and Pillow raise various errors for broken profiles: the image is then read as sRGB.
    except Exception:
        return None


def _is_needed(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell whether the transform changes colours visibly, tried on a lattice of them."""
    if mode == "CMYK":
        return True
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(len(steps), -1, 3)
    colours = Image.fromarray(lattice if mode == "RGB" else lattice[..., 0].copy())
    before = np.asarray(colours.convert("RGB"), np.int16)
    return bool(np.abs(before - _applied(transform, colours)).max() > _UNSEEN)


def _is_sane(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell whether white stays lighter than black, with grey between them."""
    white, grey, black = (_lightness(transform, _GREYS[mode], place) for place in range(3))
    return white - black > 100 and black + 8 < grey < white - 8


def _lightness(transform: ImageCms.ImageCmsTransform, greys: Image.Image, place: int) -> float:
    return float(_applied(transform, greys)[0, place].mean())


def _applied(transform: ImageCms.ImageCmsTransform, colours: Image.Image) -> np.ndarray:
    return np.asarray(ImageCms.applyTransform(colours, transform), np.int16)
