"""Conversion of any pixel format to 8-bit RGB."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE = (255, 255, 255)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image: 16-bit and float grey is scaled, transparency becomes white.

    An RGB image is returned without a copy, which would cost half as much as decoding.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    # Images without an alpha channel can be transparent, too: palettes, or by a single colour.
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale to bytes by the range of the type: unit floats, 16 bits, or else minimum to maximum."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        # Half the divisor is added to round; the product needs 32 bits.
        return np.asarray((values.astype(np.uint32) * 255 + 32767) // 65535, np.uint8)
    # NaN would spread to minimum and maximum, and has no value as a byte.
    numbers: NDArray[np.float32] = np.nan_to_num(
        values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0
    )
    low = float(numbers.min())
    high = float(numbers.max())
    scale = _full_scale(values.dtype.kind == "f", low, high)
    if scale is None:
        numbers = numbers - low
        # A floor for images of a single value, whose range is zero.
        scale = max(high - low, 1e-12)
    return np.asarray(np.clip(numbers * (255 / scale) + 0.5, 0, 255), np.uint8)


def _full_scale(is_float: bool, low: float, high: float) -> float | None:
    """Return the value that stands for white, or None if the range must be stretched."""
    if low < 0 or high > 65535:
        return None
    # Floats go by convention from 0 to 1 or from 0 to 255; the maximum tells which.
    if is_float and high <= 255:
        return 1.0 if high <= 1 else 255.0
    return 65535.0


def _from_lab(image: Image.Image) -> Image.Image:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("LAB could not be converted")
    return converted


def _on_white(image: Image.Image) -> Image.Image:
    # Pillow cannot convert grey with premultiplied alpha straight to RGBA.
    straight = image.convert("LA") if image.mode == "La" else image
    rgba = straight.convert("RGBA")
    background = Image.new("RGB", rgba.size, WHITE)
    background.paste(rgba, mask=rgba.getchannel("A"))
    return background
