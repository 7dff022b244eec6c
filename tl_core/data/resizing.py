"""Resizing with Pillow's filters, by PyTorch where it has vector instructions for them: the same but for rounding.

Pillow computes one number at a time. With AVX2 PyTorch takes a third of Pillow's time for bytes, without it three times
as long.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""[height, width, 3]."""
Picture = Image.Image | Pixels
"""RGB."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in an image's own pixels."""

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_LONGEST = 3
"""Long side over short side, up to which it takes longer to resize the middle with Pillow than all of the image."""


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height."""
    return (
        picture.size if isinstance(picture, Image.Image) else (picture.shape[1], picture.shape[0])
    )


def resize(
    picture: Picture, size: tuple[int, int], interpolation: str, box: Box | None = None
) -> Pixels:
    """To `size`, width and height; of what lies within `box`, rounded to whole pixels, or of all."""
    part = picture if box is None else _cut(picture, box)
    return (
        _with_pytorch(part, size, interpolation)
        if has_vectors()
        else _with_pillow(part, size, interpolation)
    )


def resize_middle(picture: Picture, short_side: int, side: int, interpolation: str) -> Pixels:
    """So that the short side becomes `short_side`, and of that the middle square; rounds as torchvision does."""
    width, height = size_of(picture)
    new_width, new_height, left, top = _middle(width, height, short_side, side)
    if has_vectors() and max(width, height) <= _LONGEST * min(width, height):
        whole = _with_pytorch(picture, (new_width, new_height), interpolation)
        return np.ascontiguousarray(whole[top : top + side, left : left + side])
    x, y = width / new_width, height / new_height
    box = left * x, top * y, min((left + side) * x, width), min((top + side) * y, height)
    return _with_pillow(picture, (side, side), interpolation, box)


def middle_box(size: tuple[int, int], short_side: int, side: int) -> Box:
    """What `resize_middle` keeps of a picture of that width and height, in shares of them: from 0 to 1."""
    width, height, left, top = _middle(*size, short_side, side)
    return (
        left / width,
        top / height,
        min((left + side) / width, 1.0),
        min((top + side) / height, 1.0),
    )


def _middle(width: int, height: int, short_side: int, side: int) -> tuple[int, int, int, int]:
    """Width and height of the resized picture, and the left and top of the square in it."""
    short = min(width, height)
    new_width, new_height = short_side * width // short, short_side * height // short
    return new_width, new_height, round((new_width - side) / 2.0), round((new_height - side) / 2.0)


@cache
def has_vectors() -> bool:
    """Whether PyTorch is the faster one here."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def _cut(picture: Picture, box: Box) -> Picture:
    width, height = size_of(picture)
    left, top = min(round(box[0]), width - 1), min(round(box[1]), height - 1)
    right, bottom = max(round(box[2]), left + 1), max(round(box[3]), top + 1)
    if isinstance(picture, Image.Image):
        return picture.crop((left, top, right, bottom))
    return picture[top:bottom, left:right]


def _with_pytorch(picture: Picture, size: tuple[int, int], interpolation: str) -> Pixels:
    pixels = torch.from_numpy(np.array(picture))
    # With a batch dimension added so, unlike with [None], PyTorch sees that channels are last and keeps to it.
    pixels = pixels.view(1, *pixels.shape).permute(0, 3, 1, 2)
    resized = interpolate(pixels, size[::-1], mode=interpolation, antialias=True)
    found: Pixels = resized.permute(0, 2, 3, 1).numpy()[0]
    return found


def _with_pillow(
    picture: Picture, size: tuple[int, int], interpolation: str, box: Box | None = None
) -> Pixels:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.array(image.resize(size, _FILTERS[interpolation], box=box))
