"""Reading of samples of more than 8 bits, which Pillow partly reduces to 8 or misreads."""

import re
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import II, MM, OPEN_INFO

from .deep import FLOATS, INTEGERS, WORDS, Deep
from .png import significant_bits

_OTHER_BYTE = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16L": "RGBX;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
}
"""Pillow keeps the high byte of 16-bit colours; read in the other byte order, it keeps the low."""
_GREY_WITH_ALPHA = "LA;16B"
_PHOTOMETRIC = 262
_BITS = 258
_MOST = 281
_LARGEST = 341
"""Tags of a TIFF: meaning of zero, bits of a sample, largest value as an integer or any number."""


# Kinds of grey TIFFs that Pillow can decode, though its table of them lacks these rows: some that
# are WhiteIsZero, and floating-point numbers of 64 bits.
for _zero in (0, 1):
    OPEN_INFO.setdefault((II, _zero, (3,), 1, (64,), ()), ("F", "F;64F"))
    OPEN_INFO.setdefault((MM, _zero, (3,), 1, (64,), ()), ("F", "F;64BF"))
OPEN_INFO.setdefault((MM, 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
OPEN_INFO.setdefault((II, 0, (2,), 1, (32,), ()), ("I", "I;32S"))
OPEN_INFO.setdefault((MM, 0, (2,), 1, (32,), ()), ("I", "I;32BS"))


def has_usual_samples(image: Image.Image) -> bool:
    """Tell whether an opened image has 8 bits a sample and no ICC profile."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16") or image.info.get("icc_profile"):
        return False
    raw = _raw_mode(image)
    return raw not in _OTHER_BYTE and raw != _GREY_WITH_ALPHA and not _is_planar(image, raw)


def correct_colour_key(image: Image.Image) -> None:
    """Scale the transparent grey of a PNG with 2 or 4 bits as Pillow scales its samples."""
    factor = {"L;2": 85, "L;4": 17}.get(_raw_mode(image))
    key = image.info.get("transparency")
    if factor and image.format == "PNG" and isinstance(key, int):
        image.info["transparency"] = factor * key


def read_deep(image: Image.Image, file: BinaryIO, formats: list[str]) -> Deep | None:
    """Read the samples of an opened image of `file`; None if it has no more than 8 bits."""
    key = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        declared = _declared(image, file)
        image.load()
        words = np.asarray(image).astype(np.uint16)
        opaque = words != key if isinstance(key, int) else None
        return Deep(WORDS, words, None, opaque, _zero_is_white(image), declared)
    if image.mode in ("I", "F"):
        declared = _declared(image, file)
        _correct_byte_order(image)
        image.load()
        numbers = np.asarray(image)
        if image.format == "PPM" and image.mode == "I":
            # Pillow has scaled them by the maximum in the header.
            return Deep(WORDS, numbers.astype(np.uint16), None, None, False, 65535.0)
        kind = INTEGERS if image.mode == "I" else FLOATS
        return Deep(kind, numbers, None, None, _zero_is_white(image), declared)
    return _read_colours(image, file, formats, key)


def _read_colours(
    image: Image.Image, file: BinaryIO, formats: list[str], key: object
) -> Deep | None:
    raw = _raw_mode(image)
    if raw == _GREY_WITH_ALPHA:
        declared = _declared(image, file)
        # Read as four bytes: high and low byte of grey, then of alpha.
        _read_as(image, "RGBA")
        image.load()
        words = np.asarray(image).view(">u2").astype(np.uint16)
        return Deep(WORDS, words[..., 0], words[..., 1], None, False, declared)
    if _is_planar(image, raw):
        words = _read_planes(image, file)
    elif raw in _OTHER_BYTE:
        words = _both_bytes(image, file, formats, _OTHER_BYTE[raw])
    else:
        return None
    opaque = np.any(words[..., :3] != key, -1) if isinstance(key, tuple) else None
    alpha = words[..., 3] if words.shape[-1] > 3 else None
    return Deep(WORDS, words[..., :3], alpha, opaque, False, _declared(image, file))


def _both_bytes(
    image: Image.Image, file: BinaryIO, formats: list[str], other: str
) -> NDArray[np.uint16]:
    image.load()
    high = np.asarray(image).astype(np.uint16)
    file.seek(0)
    with Image.open(file, formats=formats) as again:
        _read_as(again, other)
        again.load()
        return np.asarray(high << 8 | np.asarray(again), np.uint16)


def _raw_mode(image: Image.Image) -> str:
    """Return the name of the samples' arrangement in the file, as Pillow's decoders know it."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    raw = arguments if isinstance(arguments, str) else str((arguments or ("",))[0])
    # "N" is the byte order of this machine.
    return raw.replace(";16N", ";16L" if np.little_endian else ";16B")


def _read_as(image: Image.Image, raw: str) -> None:
    """Let Pillow's decoder take the samples in another arrangement."""
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
        for tile in image.tile  # type: ignore[attr-defined]
    ]


def _is_planar(image: Image.Image, raw: str) -> bool:
    # Pillow reads such planes as if their samples had 8 bits.
    return image.format == "TIFF" and raw == "R" and _tag(image, _BITS) == 16


def _read_planes(image: Image.Image, file: BinaryIO) -> NDArray[np.uint16]:
    """Read the uncompressed planes of a TIFF, one after the other."""
    tiles = image.tile  # type: ignore[attr-defined]
    order = "<u2" if image.tag_v2.prefix == b"II" else ">u2"  # type: ignore[attr-defined]
    bands = [raw for raw in "RGBA" if any(tile[3][0] == raw for tile in tiles)]
    width = max(tile[1][2] for tile in tiles)
    height = max(tile[1][3] for tile in tiles)
    words = np.zeros((height, width, len(bands)), np.uint16)
    for _, (left, top, right, bottom), offset, (raw, stride, *_) in tiles:
        n_bytes = stride or 2 * (right - left)
        file.seek(offset)
        content = file.read(n_bytes * (bottom - top))
        if len(content) < n_bytes * (bottom - top):
            raise OSError("image file is truncated")
        rows = np.frombuffer(content, order).reshape(bottom - top, -1)
        words[top:bottom, left:right, bands.index(raw)] = rows[:, : right - left]
    return words


def _correct_byte_order(image: Image.Image) -> None:
    """Have packed numbers of a TIFF read in the order of this machine, as libtiff gives them.

    Pillow does so for 16 bits, and takes wider ones to be in the order of the file.
    """
    # Only images that were opened from a file have tiles.
    tiles: list[Any] = image.tile  # type: ignore[attr-defined]
    for place, tile in enumerate(tiles):
        if tile.codec_name == "libtiff" and isinstance(tile.args, tuple):
            raw, *others = tile.args
            native = re.sub(r";(32|64)B", r";\1N", str(raw))
            tiles[place] = tile._replace(args=(native, *others))


def _zero_is_white(image: Image.Image) -> bool:
    return image.format == "TIFF" and _tag(image, _PHOTOMETRIC) == 0


def _declared(image: Image.Image, file: BinaryIO) -> float | None:
    """Return the value of white that the file declares, unless it is only that of its type."""
    if image.format == "PNG":
        place = file.tell()
        bits = significant_bits(file)
        file.seek(place)
        return float(2**bits - 1) if bits and bits < 16 else None
    if image.format == "JPEG2000":
        # Pillow has scaled them by the bits in the header.
        return 65535.0
    if image.format != "TIFF":
        return None
    bits = _tag(image, _BITS)
    if bits and bits < 16:
        return float(2 ** int(bits) - 1)
    most = _tag(image, _LARGEST) or _tag(image, _MOST)
    return float(most) if most and 0 < most < 65535 else None


def _tag(image: Image.Image, number: int) -> Any:
    value = image.tag_v2.get(number)  # type: ignore[attr-defined]
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int | float) else None
