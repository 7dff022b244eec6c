"""Patches of three photos of materials that scikit-image ships: brick, grass and gravel."""

import io
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files

from PIL import Image

from tl_core.data.sources import Entry

MATERIALS = ("brick", "grass", "gravel")
"""Classes, each of one photo of 512 by 512 pixels."""
_SIDE = 64
_PER_EDGE = 512 // _SIDE
_SIDES = ("train",) * 5 + ("val",) + ("test",) * 2
"""Side of the split for each column of patches: a photo's parts stay on one side each."""
N_PATCHES = len(MATERIALS) * _PER_EDGE**2


def patch_entries() -> list[Entry]:
    """List the patches, which do not overlap, under their side of the split and their class.

    A random split would put neighbours of each training patch into the test set.

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
    """
    folder = files("skimage.data")
    return [
        Entry(
            (_SIDES[column], material, f"{material}_{row}{column}.png"),
            partial(_patch, str(folder / f"{material}.png"), row, column),
        )
        for material in MATERIALS
        for row in range(_PER_EDGE)
        for column in range(_PER_EDGE)
    ]


def _patch(path: str, row: int, column: int) -> Iterator[bytes]:
    left = column * _SIDE
    top = row * _SIDE
    buffer = io.BytesIO()
    _photo(path).crop((left, top, left + _SIDE, top + _SIDE)).save(buffer, "PNG")
    yield buffer.getvalue()


@cache
def _photo(path: str) -> Image.Image:
    with Image.open(path) as photo:
        return photo.convert("L")
