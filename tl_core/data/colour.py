"""From whatever a file holds to 8-bit RGB, the way a person would see it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE = (255, 255, 255)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image: deep grey is scaled and not clipped, transparency becomes white.

    One that is RGB already is given back as it is, for copying costs half as much as decoding.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale by what the numbers can mean: unit floats, 16 bits, or else from their own lowest to their highest."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return np.asarray((values.astype(np.uint32) * 255 + 32767) // 65535, np.uint8)
    numbers: NDArray[np.float32] = np.nan_to_num(
        values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0
    )
    low, high = float(numbers.min()), float(numbers.max())
    scale = _full_scale(values.dtype.kind == "f", low, high)
    if scale is None:
        numbers, scale = numbers - low, max(high - low, 1e-12)
    return np.asarray(np.clip(numbers * (255 / scale) + 0.5, 0, 255), np.uint8)


def _full_scale(is_float: bool, low: float, high: float) -> float | None:
    """The value that stands for white, or None where only stretching shows anything."""
    if low < 0 or high > 65535:
        return None
    if is_float and high <= 255:
        return 1.0 if high <= 1 else 255.0
    return 65535.0


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("LAB could not be converted")
    return converted


def _on_white(image: Image.Image) -> Image.Image:
    opaque = image.convert("LA") if image.mode == "La" else image
    rgba = opaque.convert("RGBA")
    background = Image.new("RGB", rgba.size, WHITE)
    background.paste(rgba, mask=rgba.getchannel("A"))
    return background
