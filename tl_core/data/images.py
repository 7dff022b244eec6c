"""Image decoder shared by import, training, prediction and thumbnails, and paths of image files."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import Image

from tl_core.data.colour import to_rgb
from tl_core.data.file_types import (
    EXTENSIONS,
    FORMATS_IN_WORDS,
    HEAD_BYTES,
    icon_size,
    name_foreign_kind,
    name_own_kind,
    readable_formats,
)
from tl_core.errors import ImageUnusable
from tl_core.records import ImageRecord

THUMBNAIL_SIDE = 192
"""Longest side of a thumbnail, in pixels."""

_T = TypeVar("_T")

_ORIENTATION_TAG = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class RgbImage:
    pixels: Image.Image
    """Upright 8-bit RGB image; smaller than the full size if a draft was requested."""
    extension: str
    """File extension of the decoded format: "jpg", "png" …"""
    width: int
    """Width of the upright image at full size, in pixels."""
    height: int
    """Height of the upright image at full size, in pixels."""


def image_path(dataset_folder: Path, image: ImageRecord) -> Path:
    return dataset_folder / "images" / f"{image.sha256}.{image.extension}"


def thumbnail_path(dataset_folder: Path, sha256: str) -> Path:
    return dataset_folder / "thumbnails" / f"{sha256}.webp"


def open_rgb(
    source: Path | BinaryIO,
    max_pixels: int,
    draft_side: int | None = None,
    *,
    draft_long_side: int | None = None,
) -> RgbImage:
    """Decode an image file completely, so that truncated files are detected.

    Args:
        max_pixels: limit on the size in the header, checked before any pixel is decoded.
        draft_side: short side that is needed. JPEG then decodes faster, at a reduced scale of at
            least twice that side: a 12-megapixel photo for 256 pixels takes a third of the time and
            differs by 0.3 of 255 on average from a full decode. A draft of at least just that side
            would take a quarter of the time and differ by 0.7.
        draft_long_side: long side that is needed, for a thumbnail; a draft has at least that.

    Raises:
        ImageUnusable: the bytes are no usable image; the message gives the reason.
    """
    load = partial(
        _load, max_pixels=max_pixels, draft_side=draft_side, draft_long_side=draft_long_side
    )
    return _open_path(source, max_pixels, load)


def why_no_image(source: Path | BinaryIO, max_pixels: int) -> str:
    """Explain from its header why a file cannot be used as an image; empty if it may be one."""
    try:
        _open_path(source, max_pixels, lambda image: _check_pixels(*image.size, max_pixels))
    except ImageUnusable as error:
        return str(error)
    return ""


def write_thumbnail(pixels: Image.Image, path: Path) -> Image.Image:
    """Write a WebP of at most `THUMBNAIL_SIDE` pixels a side and return its pixels, uncompressed.

    `pixels` is not changed.
    """
    small = pixels.copy() if max(pixels.size) <= THUMBNAIL_SIDE else _shrunk(pixels)
    # Lossy WebP smears images of a few pixels, such as 8x8 digits. Method 0 is several times
    # faster than method 4.
    small.save(path, "WEBP", lossless=max(small.size) <= 64, quality=80, method=0)
    return small


def _shrunk(pixels: Image.Image) -> Image.Image:
    scale = THUMBNAIL_SIDE / max(pixels.size)
    size = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    # A small gap lets a fast box filter do most of the shrinking. Hamming takes 60 % of the time
    # of bicubic.
    return pixels.resize(size, Image.Resampling.HAMMING, reducing_gap=1.1)


def _open_path(source: Path | BinaryIO, max_pixels: int, use: Callable[[Image.Image], _T]) -> _T:
    if not isinstance(source, Path):
        return _open_image(source, max_pixels, use)
    try:
        handle = source.open("rb")
    except OSError as error:
        raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error
    with handle:
        return _open_image(handle, max_pixels, use)


def _open_image(file: BinaryIO, max_pixels: int, use: Callable[[Image.Image], _T]) -> _T:
    # On damaged files Pillow's plugins raise almost anything: struct.error, KeyError, zlib.error …
    try:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        # Before Pillow sees it, which would only say that it cannot identify the file.
        if foreign := name_foreign_kind(head):
            raise ImageUnusable(foreign)
        if name_own_kind(head) == "ICO":
            _check_pixels(*icon_size(file), max_pixels)
            file.seek(0)
        with Image.open(file, formats=readable_formats(head)) as image:
            return use(image)
    except ImageUnusable:
        raise
    # The warning is raised where Python turns warnings into errors.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageUnusable(f"It has more pixels than can be opened safely ({error}).") from error
    except MemoryError as error:
        raise ImageUnusable("It does not fit into this machine's memory.") from error
    except Exception as error:
        raise ImageUnusable(_reason(error, head)) from error


def _load(
    image: Image.Image, max_pixels: int, draft_side: int | None, draft_long_side: int | None
) -> RgbImage:
    extension = EXTENSIONS[image.format or ""]
    full_size = image.size
    _check_pixels(*full_size, max_pixels)
    if draft_side is not None:
        image.draft(None, (2 * draft_side, 2 * draft_side))
    elif draft_long_side is not None:
        is_wide = image.width >= image.height
        # Pillow keeps both sides at least as long as asked; 1 leaves the short side free.
        image.draft(None, (draft_long_side, 1) if is_wide else (1, draft_long_side))
    is_draft = image.size != full_size
    image.load()
    orientation = _orientation(image)
    pixels = _upright(to_rgb(image), orientation)
    if not is_draft:
        full_size = pixels.size
    elif orientation >= 5:
        # Orientations 5 to 8 swap width and height.
        full_size = full_size[::-1]
    return RgbImage(pixels, extension, *full_size)


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageUnusable("It is damaged: it has no pixels.")
    if width * height > max_pixels:
        raise ImageUnusable(
            f"It has {width * height:,} pixels ({width} x {height}); the limit is {max_pixels:,}. "
            "Make it smaller."
        )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, from 1 to 8."""
    # Broken EXIF must not make a sound image unusable.
    with suppress(Exception):
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    return 1


def _upright(pixels: Image.Image, orientation: int) -> Image.Image:
    transposition = _TRANSPOSITIONS.get(orientation)
    return pixels if transposition is None else pixels.transpose(transposition)


def _reason(error: Exception, head: bytes) -> str:
    own = name_own_kind(head)
    if own is None:
        return f"It is not an image that can be read ({FORMATS_IN_WORDS})."
    if "truncated" in str(error).lower():
        return f"It is cut off: the end of the {own} file is missing. Copy or download it again."
    return f"It is a damaged {own} file, or an unusual kind of one. Save it again as JPEG or PNG."
