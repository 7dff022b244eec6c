"""Decoding of one image file: upright, in 8-bit sRGB, on white where it is transparent."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from PIL import Image

from .deep import Levels, Span
from .png import tolerating_metadata
from .profiles import lab_to_srgb, to_srgb
from .samples import correct_colour_key, read_deep

WHITE = (255, 255, 255)
_ORIENTATION = 0x0112
_TURN = Image.Transpose
_TURNS = {
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}
"""Transposition that turns an image upright, by its EXIF orientation."""


class Upright(NamedTuple):
    pixels: Image.Image
    """8-bit RGB image; smaller than the full size if it is a draft."""
    format: str
    """Pillow's name of the format."""
    size: tuple[int, int]
    """Width and height at full size, in pixels."""
    span: Span | None
    """Range of the samples, if they have more than 8 bits."""


def read_upright(
    file: BinaryIO,
    formats: list[str],
    levels: Levels | None = None,
    on_header: Callable[[Image.Image], None] = lambda image: None,
) -> Upright:
    """Decode an image completely, so that truncated files are detected.

    Args:
        file: can be read again from its start.
        formats: Pillow's names of the formats that the file may have.
        levels: black and white of the dataset that the image belongs to, or that a model was
            trained on; None for an image on its own.
        on_header: called before pixels are decoded; may refuse the image, or ask for a draft.

    Raises:
        Exception: whatever `on_header` or Pillow's decoders raise; on damaged files that is almost
            anything.
    """
    return tolerating_metadata(file, lambda each: _read(each, formats, levels, on_header))


def read_header(
    file: BinaryIO, formats: list[str], on_header: Callable[[Image.Image], None]
) -> None:
    """Read an image's header alone, and hand it to `on_header`.

    Raises:
        Exception: as `read_upright`.
    """

    def read(each: BinaryIO) -> None:
        each.seek(0)
        with Image.open(each, formats=formats) as image:
            on_header(image)

    tolerating_metadata(file, read)


def _read(
    file: BinaryIO,
    formats: list[str],
    levels: Levels | None,
    on_header: Callable[[Image.Image], None],
) -> Upright:
    file.seek(0)
    with Image.open(file, formats=formats) as image:
        full_size = image.size
        on_header(image)
        is_draft = image.size != full_size
        profile = image.info.get("icc_profile")
        deep = read_deep(image, file, formats)
        if deep:
            colours, alpha = deep.scaled(levels)
        else:
            correct_colour_key(image)
            image.load()
            colours, alpha = _parts(image if _uses_alpha(image, file) else image.convert("RGB"))
        orientation = _orientation(image)
        rgb = lab_to_srgb(colours) if colours.mode == "LAB" else to_srgb(colours, profile)
        pixels = _upright(_on_white(rgb, alpha), orientation)
    if not is_draft:
        full_size = pixels.size
    elif orientation >= 5:
        # Orientations 5 to 8 swap width and height.
        full_size = full_size[::-1]
    return Upright(pixels, image.format or "", full_size, deep.span if deep else None)


def _uses_alpha(image: Image.Image, file: BinaryIO) -> bool:
    """Tell if an alpha channel is meant as one.

    Targa files say in their header how many of its bits are; where there are none, the channel is
    padding and often 0, which would make the whole image white.
    """
    if image.format != "TGA" or image.mode not in ("RGBA", "LA"):
        return True
    file.seek(17)
    return file.read(1)[0] & 15 > 0


def _parts(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours, in a mode for which there are ICC profiles, and the transparency."""
    alpha = None
    # Images without an alpha channel can be transparent, too: palettes, or by a single colour.
    if image.has_transparency_data:
        # Pillow cannot convert grey with premultiplied alpha straight to RGBA.
        image = image.convert("LA") if image.mode == "La" else image
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        image = rgba.getchannel("R") if image.mode in ("1", "L", "LA") else rgba.convert("RGB")
    if image.mode in ("1", "L"):
        return image.convert("L"), alpha
    if image.mode in ("RGB", "CMYK", "LAB"):
        return image, alpha
    return image.convert("RGB"), alpha


def _on_white(rgb: Image.Image, alpha: Image.Image | None) -> Image.Image:
    # An image without transparency is not copied, which would cost half as much as decoding.
    if alpha is None:
        return rgb
    background = Image.new("RGB", rgb.size, WHITE)
    background.paste(rgb, mask=alpha)
    return background


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, from 1 to 8. Text is no orientation, as in libvips."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
        if isinstance(value, bytes) and len(value) == 1:
            value = value[0]
        number = 1 if isinstance(value, str | bytes) else int(value)
    # Broken EXIF must not make a sound image unusable.
    except Exception:
        return 1
    return number if number in _TURNS else 1


def _upright(pixels: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return pixels if turn is None else pixels.transpose(turn)
