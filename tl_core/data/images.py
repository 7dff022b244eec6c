"""Image decoder shared by import, training, prediction and thumbnails, and paths of image files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

# Pillow saves as WebP once it has this module; left to itself it would load all of its formats.
from PIL import Image, WebPImagePlugin  # noqa: F401

from tl_core.data.decoding import Levels, Span, has_usual_samples, read_header, read_upright
from tl_core.data.file_types import (
    EXTENSIONS,
    FORMATS_IN_WORDS,
    HEAD_BYTES,
    icon_sizes,
    name_foreign_kind,
    name_own_kind,
    readable_formats,
)
from tl_core.errors import ImageUnusable

# Records bring pydantic, for which every child process that decodes would wait when it starts.
if TYPE_CHECKING:
    from tl_core.records import ImageRecord

THUMBNAIL_SIDE = 192
"""Longest side of a thumbnail, in pixels."""
LONGEST_SIDE = 65_535
"""Largest width or height of an image, that of JPEG. A row takes memory however short it is: a
column of a hundred million pixels would take gigabytes."""

_T = TypeVar("_T")
_Read = Callable[[BinaryIO, list[str]], _T]
"""Function that reads a file which may have these of Pillow's formats."""


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
    span: Span | None = None
    """Range of the samples, if they have more than 8 bits."""


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
    levels: Levels | None = None,
) -> RgbImage:
    """Decode an image file completely, so that truncated files are detected.

    Colours are converted to sRGB, and transparent places become white.

    Args:
        max_pixels: limit on the size in the header, checked before any pixel is decoded, as is
            `LONGEST_SIDE`. Of several frames or pages only the first is decoded.
        draft_side: short side that is needed. JPEG then decodes faster, at a reduced scale of at
            least twice that side: a 12-megapixel photo for 256 pixels takes a third of the time and
            differs by 0.3 of 255 on average from a full decode. A draft of at least just that side
            would take a quarter of the time and differ by 0.7.
        draft_long_side: long side that is needed, for a thumbnail; a draft has at least that.
        levels: black and white of the dataset's images with more than 8 bits a sample.

    Raises:
        ImageUnusable: the bytes are no usable image; the message gives the reason.
    """

    def on_header(image: Image.Image) -> None:
        _check_pixels(*image.size, max_pixels)
        _ask_for_draft(image, draft_side, draft_long_side)

    def read(file: BinaryIO, formats: list[str]) -> RgbImage:
        upright = read_upright(file, formats, levels, on_header)
        return RgbImage(upright.pixels, EXTENSIONS[upright.format], *upright.size, upright.span)

    return _open_path(source, max_pixels, read)


def size_in_header(source: Path | BinaryIO, max_pixels: int) -> tuple[int, int]:
    """Return the width and height that an image's header tells.

    Raises:
        ImageUnusable: as `open_rgb`, as far as the header tells.
    """
    sizes: list[tuple[int, int]] = []

    def on_header(image: Image.Image) -> None:
        _check_pixels(*image.size, max_pixels)
        sizes.append(image.size)

    _open_path(source, max_pixels, lambda file, formats: read_header(file, formats, on_header))
    return sizes[-1]


def why_no_image(source: Path | BinaryIO, max_pixels: int) -> str:
    """Explain from its header why a file cannot be used as an image; empty if it may be one."""

    try:
        size_in_header(source, max_pixels)
    except ImageUnusable as error:
        return str(error)
    return ""


def is_plain(source: BinaryIO, max_pixels: int) -> bool:
    """Tell from its header whether an image has 8 bits a sample and no ICC profile.

    Raises:
        ImageUnusable: the header cannot be read.
    """
    answers: list[bool] = []

    def read(file: BinaryIO, formats: list[str]) -> None:
        read_header(file, formats, lambda image: answers.append(has_usual_samples(image)))

    _open_path(source, max_pixels, read)
    return answers[-1]


def thumbnail_of(pixels: Image.Image) -> tuple[Image.Image, bytes]:
    """Return pixels of at most `THUMBNAIL_SIDE` a side, uncompressed, and as a WebP file.

    `pixels` is not changed.
    """
    small = pixels.copy() if max(pixels.size) <= THUMBNAIL_SIDE else _shrunk(pixels)
    file = BytesIO()
    # Lossy WebP smears images of a few pixels, such as 8x8 digits. Method 0 is several times
    # faster than method 4.
    small.save(file, "WEBP", lossless=max(small.size) <= 64, quality=80, method=0)
    return small, file.getvalue()


def _shrunk(pixels: Image.Image) -> Image.Image:
    scale = THUMBNAIL_SIDE / max(pixels.size)
    size = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    # A small gap lets a fast box filter do most of the shrinking. Hamming takes 60 % of the time
    # of bicubic.
    return pixels.resize(size, Image.Resampling.HAMMING, reducing_gap=1.1)


def _open_path(source: Path | BinaryIO, max_pixels: int, read: _Read[_T]) -> _T:
    if not isinstance(source, Path):
        return _open_image(source, max_pixels, read)
    try:
        handle = source.open("rb")
    except OSError as error:
        raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error
    with handle:
        return _open_image(handle, max_pixels, read)


def _open_image(file: BinaryIO, max_pixels: int, read: _Read[_T]) -> _T:
    # On damaged files Pillow's plugins raise almost anything: struct.error, KeyError, zlib.error …
    try:
        head = file.read(HEAD_BYTES)
        # Before Pillow sees it, which would only say that it cannot identify the file.
        if foreign := name_foreign_kind(head):
            raise ImageUnusable(foreign)
        if name_own_kind(head) == "ICO":
            for size in icon_sizes(file):
                _check_pixels(*size, max_pixels)
        return read(file, readable_formats(head))
    except ImageUnusable:
        raise
    # The warning is raised where Python turns warnings into errors.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageUnusable(f"It has more pixels than can be opened safely ({error}).") from error
    except MemoryError as error:
        raise ImageUnusable("It does not fit into this machine's memory.") from error
    except Exception as error:
        raise ImageUnusable(_reason(error, head)) from error


def _ask_for_draft(image: Image.Image, draft_side: int | None, draft_long_side: int | None) -> None:
    if draft_side is not None:
        image.draft(None, (2 * draft_side, 2 * draft_side))
    elif draft_long_side is not None:
        is_wide = image.width >= image.height
        # Pillow keeps both sides at least as long as asked; 1 leaves the short side free.
        image.draft(None, (draft_long_side, 1) if is_wide else (1, draft_long_side))


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageUnusable("It is damaged: it has no pixels.")
    if max(width, height) > LONGEST_SIDE:
        raise ImageUnusable(
            f"It is {width:,} x {height:,} pixels; the limit of a side is {LONGEST_SIDE:,}. "
            "Cut or shrink it."
        )
    if width * height > max_pixels:
        raise ImageUnusable(
            f"It has {width * height:,} pixels ({width} x {height}); the limit is {max_pixels:,}. "
            "Make it smaller."
        )


def _reason(error: Exception, head: bytes) -> str:
    own = name_own_kind(head)
    if own is None:
        return f"It is not an image that can be read ({FORMATS_IN_WORDS})."
    if "truncated" in str(error).lower():
        return f"It is cut off: the end of the {own} file is missing. Copy or download it again."
    return f"It is a damaged {own} file, or an unusual kind of one. Save it again as JPEG or PNG."
