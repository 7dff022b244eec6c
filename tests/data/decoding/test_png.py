"""Metadata that a decoder refuses does not keep a sound PNG from being read."""

import io
import struct
import zlib

import numpy as np
import pytest
from making import encode, picture
from making_profiles import rgb_profile
from PIL import Image, PngImagePlugin

from tl_core.data.decoding.png import chunks, significant_bits
from tl_core.data.images import open_rgb, why_no_image
from tl_core.errors import ImageUnusable

COLOURS = picture(3, (40, 20))
PLAIN = encode(COLOURS)
TURNED = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    sound = zlib.crc32(name + content)
    return (
        struct.pack(">I4s", len(content), name)
        + content
        + struct.pack(">I", sound if checksum is None else checksum)
    )


def with_chunks(*added: bytes, content: bytes = PLAIN, at_end: bool = False) -> bytes:
    place = content.index(b"IEND") - 4 if at_end else content.index(b"IDAT") - 4
    return content[:place] + b"".join(added) + content[place:]


def decode(content: bytes) -> np.ndarray:
    return np.asarray(open_rgb(io.BytesIO(content), 10**8).pixels)


LONG = b"Comment\0" + b"x" * (2 * 2**20)
BOMB = b"Comment\0\0" + zlib.compress(b"x" * (80 * 2**20))
MANY = chunk(b"tEXt", b"Comment\0" + b"x" * 900_000) * 80
METADATA = {
    "a text of 2 MiB": chunk(b"tEXt", LONG),
    "a text with a wrong checksum": chunk(b"tEXt", b"Comment\0hello", 7),
    "a packed text that unpacks to 80 MiB": chunk(b"zTXt", BOMB),
    "an international text that unpacks to 80 MiB": chunk(
        b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(b"x" * (80 * 2**20))
    ),
    "a packed text that is cut off": chunk(b"zTXt", BOMB[:40]),
    "a text packed in no known way": chunk(b"zTXt", b"Comment\0\x07hello"),
    "72 MB of text": MANY,
    "EXIF with a wrong checksum": chunk(b"eXIf", TURNED, 7),
    "EXIF of rubbish": chunk(b"eXIf", b"rubbish"),
    "EXIF that is cut off": chunk(b"eXIf", TURNED[:14]),
    "a profile with a wrong checksum": chunk(b"iCCP", b"P3\0\0" + zlib.compress(rgb_profile()), 7),
    "a profile packed in no known way": chunk(b"iCCP", b"P3\0\x07" + rgb_profile()),
    "a profile that unpacks to 80 MiB": chunk(
        b"iCCP", b"P3\0\0" + zlib.compress(bytes(80 * 2**20))
    ),
    "an empty profile": chunk(b"iCCP", b""),
    "pixels per metre cut off": chunk(b"pHYs", b"\0"),
    "gamma cut off": chunk(b"gAMA", b"\0"),
    "a date with a wrong checksum": chunk(b"tIME", bytes(7), 7),
    "an animation of no frames": chunk(b"acTL", b"\0"),
    "a frame without an animation": chunk(b"fcTL", b"\0"),
    "an unknown chunk with a wrong checksum": chunk(b"quIz", b"?", 7),
}


@pytest.mark.parametrize("at_end", [False, True], ids=["before the pixels", "behind them"])
@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_a_sound_image_is_read_whatever_its_metadata(metadata, at_end):
    content = with_chunks(metadata, at_end=at_end)
    # Behind the pixels, Pillow does not compare checksums.
    is_turned = at_end and TURNED in metadata
    wanted = COLOURS.transpose(Image.Transpose.ROTATE_270) if is_turned else COLOURS
    assert np.array_equal(decode(content), np.asarray(wanted))
    assert why_no_image(io.BytesIO(content), 10**8) == ""


def test_what_matters_stays_when_a_text_is_left_out():
    """Orientation, profile and transparency are read where only a text is refused."""
    clear = COLOURS.convert("RGBA")
    clear.putpixel((0, 0), (10, 20, 30, 0))
    for image in (COLOURS, clear):
        sound = encode(image, icc_profile=rgb_profile())
        sound = with_chunks(chunk(b"eXIf", TURNED), content=sound)
        refused = with_chunks(chunk(b"tEXt", LONG), content=sound)
        assert decode(sound).shape == (40, 20, 3)
        assert np.array_equal(decode(refused), decode(sound))


def test_a_transparent_colour_stays_when_a_text_is_left_out():
    image = Image.new("L", (4, 4), 10)
    sound = encode(image, transparency=10)
    refused = with_chunks(chunk(b"tEXt", LONG), content=sound)
    assert decode(refused).min() == decode(sound).min() == 255


def test_a_damaged_image_stays_damaged():
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "hello")
    content = bytearray(encode(picture(size=(60, 60)), pnginfo=info))
    content[content.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(ImageUnusable, match="damaged PNG"):
        decode(bytes(content))
    with pytest.raises(ImageUnusable, match="cut off"):
        decode(with_chunks(chunk(b"tEXt", b"Comment\0hello", 7))[:-200])


def test_the_limit_of_pixels_holds_for_files_with_refused_metadata():
    content = with_chunks(chunk(b"tEXt", b"Comment\0hello", 7))
    with pytest.raises(ImageUnusable, match="the limit is 100"):
        open_rgb(io.BytesIO(content), 100)
    assert "the limit is 100" in why_no_image(io.BytesIO(content), 100)


def test_chunks_are_listed_until_the_file_ends():
    assert [name for name, _, _ in chunks(io.BytesIO(PLAIN))] == [b"IHDR", b"IDAT", b"IEND"]
    assert [name for name, _, _ in chunks(io.BytesIO(PLAIN[:50]))] == [b"IHDR", b"IDAT"]
    assert list(chunks(io.BytesIO(b"no PNG"))) == []


def test_significant_bits_are_those_of_the_colours():
    assert significant_bits(io.BytesIO(PLAIN)) is None
    declared = with_chunks(chunk(b"sBIT", bytes((12, 10, 12, 16))))
    assert significant_bits(io.BytesIO(declared)) == 12
