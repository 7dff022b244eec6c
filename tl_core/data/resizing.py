"""Resizing with Pillow's filters, by PyTorch on CPUs with AVX2; results differ in rounding only.

Pillow computes one value at a time. PyTorch takes a third of Pillow's time for bytes with AVX2, but
three times as long without.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Pixels as uint8 [height, width, 3]."""
Picture = Image.Image | Pixels
"""RGB image of Pillow or NumPy."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in an image's own pixels."""

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_LONGEST = 3
"""Aspect ratio up to which PyTorch resizes a whole image faster than Pillow its centre crop."""


def size_of(picture: Picture) -> tuple[int, int]:
    """Return width and height."""
    if isinstance(picture, Image.Image):
        return picture.size
    height, width = picture.shape[:2]
    return width, height


def resize(
    picture: Picture, size: tuple[int, int], interpolation: str, box: Box | None = None
) -> Pixels:
    """Resize to `size` (width, height), cropping first to `box`, rounded to whole pixels."""
    part = picture if box is None else _crop(picture, box)
    if has_vectors():
        return _with_pytorch(part, size, interpolation)
    return _with_pillow(part, size, interpolation)


def resize_middle(picture: Picture, short_side: int, side: int, interpolation: str) -> Pixels:
    """Resize the short side to `short_side` and crop the centre square of `side` pixels.

    Sizes are rounded as in torchvision.
    """
    width, height = size_of(picture)
    new_width, new_height, left, top = _middle(width, height, short_side, side)
    if has_vectors() and max(width, height) <= _LONGEST * min(width, height):
        resized = _with_pytorch(picture, (new_width, new_height), interpolation)
        return np.ascontiguousarray(resized[top : top + side, left : left + side])
    # Pillow crops and resizes in one step, which spares the pixels outside the square.
    x = width / new_width
    y = height / new_height
    # Rounding may pass the border, which Pillow refuses.
    box = left * x, top * y, min((left + side) * x, width), min((top + side) * y, height)
    return _with_pillow(picture, (side, side), interpolation, box)


def middle_box(size: tuple[int, int], short_side: int, side: int) -> Box:
    """Return the centre crop of `resize_middle` as shares (0 to 1) of `size` (width, height)."""
    width, height, left, top = _middle(*size, short_side, side)
    right = min((left + side) / width, 1.0)
    bottom = min((top + side) / height, 1.0)
    return left / width, top / height, right, bottom


def _middle(width: int, height: int, short_side: int, side: int) -> tuple[int, int, int, int]:
    """Return width and height of the resized image, and left and top of its centre square."""
    short = min(width, height)
    new_width = short_side * width // short
    new_height = short_side * height // short
    return new_width, new_height, round((new_width - side) / 2.0), round((new_height - side) / 2.0)


@cache
def has_vectors() -> bool:
    """Check for the vector instructions with which PyTorch resizes faster than Pillow."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def _crop(picture: Picture, box: Box) -> Picture:
    width, height = size_of(picture)
    # At least one pixel is left, however small the box.
    left = min(round(box[0]), width - 1)
    top = min(round(box[1]), height - 1)
    right = max(round(box[2]), left + 1)
    bottom = max(round(box[3]), top + 1)
    if isinstance(picture, Image.Image):
        return picture.crop((left, top, right, bottom))
    return picture[top:bottom, left:right]


def _with_pytorch(picture: Picture, size: tuple[int, int], interpolation: str) -> Pixels:
    # PyTorch warns of read-only arrays, such as those of Pillow and of the cache. Others are not
    # copied, since an image from outside may have hundreds of megabytes.
    array = np.asarray(picture)
    is_usable = array.flags.writeable and array.flags.c_contiguous
    pixels = torch.from_numpy(array if is_usable else np.array(array))
    # Unlike [None], this view lets PyTorch recognise the channels-last layout and keep it.
    pixels = pixels.view(1, *pixels.shape).permute(0, 3, 1, 2)
    # Without antialiasing, shrinking would skip pixels that Pillow averages.
    resized = interpolate(pixels, size[::-1], mode=interpolation, antialias=True)
    result: Pixels = resized.permute(0, 2, 3, 1).numpy()[0]
    return result


def _with_pillow(
    picture: Picture, size: tuple[int, int], interpolation: str, box: Box | None = None
) -> Pixels:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.array(image.resize(size, _FILTERS[interpolation], box=box))
