"""Formats are told by their first bytes, or by a whole header where those say nothing."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import encode, picture
from PIL import Image

from tl_core.data.file_types import (
    EXTENSIONS,
    icon_sizes,
    is_targa,
    name_foreign_kind,
    name_own_kind,
    readable_formats,
)
from tl_core.data.images import open_rgb
from tl_core.errors import ImageUnusable

MANY = 10**8
DRAWN = picture(2, (40, 30))


def media(major: bytes, *others: bytes) -> bytes:
    """Return the first box of an ISO base media file with these brands."""
    size = 16 + 4 * len(others)
    return struct.pack(">I4s4sI", size, b"ftyp", major, 0) + b"".join(others) + bytes(100)


def icon(inside: bytes, side: int = 16) -> bytes:
    """Return an icon that holds one picture, whatever its directory says of it."""
    entry = struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(inside), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + inside


class TestTarga:
    @pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
    @pytest.mark.parametrize("compression", [None, "tga_rle"])
    def test_every_kind_of_targa_is_recognised_and_read(self, mode, compression):
        content = encode(DRAWN.convert(mode), "TGA", compression=compression)
        assert is_targa(content[:18]) and name_own_kind(content) == "TGA"
        image = open_rgb(io.BytesIO(content), MANY)
        assert (image.extension, image.pixels.size) == ("tga", (40, 30))

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"\0\0\2\0\1\0\x20\x20\0\0\0\0\0\0\xe8\x02\x01\0\x16\0\0\0", id="cursor"),
            pytest.param(icon(b"x" * 70_000), id="icon"),
            pytest.param(b"\0\0\1\xba" + bytes(range(64)), id="MPEG"),
            pytest.param(b"\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c" + bytes(50), id="MNIST"),
            pytest.param(b"\0\1\0\0\0\x0d\0\x80\0\3\0\x50" + bytes(50), id="TrueType"),
            pytest.param(bytes(1000), id="zeros"),
            pytest.param(b"\0" * 12 + b"\1\0\1\0\x18\0", id="no type"),
        ],
    )
    def test_what_begins_like_one_is_none(self, content):
        assert not is_targa(content[:18]) and "TGA" not in readable_formats(content)
        with pytest.raises(ImageUnusable):
            open_rgb(io.BytesIO(content), MANY)

    @given(st.binary(max_size=64))
    def test_rubbish_is_none(self, content):
        assert not is_targa(content)

    @pytest.mark.parametrize(("bits", "shown"), [(8, (255, 255, 255)), (0, (200, 30, 60))])
    def test_alpha_counts_only_if_the_header_says_so(self, bits, shown):
        content = bytearray(encode(Image.new("RGBA", (4, 4), (200, 30, 60, 0)), "TGA"))
        content[17] = content[17] & 0xF0 | bits
        assert open_rgb(io.BytesIO(content), MANY).pixels.getpixel((0, 0)) == shown

    def test_a_targa_needs_all_its_pixels(self):
        content = encode(DRAWN, "TGA")
        with pytest.raises(ImageUnusable, match="the end of the TGA file is missing"):
            open_rgb(io.BytesIO(content[:-40]), MANY)


class TestIcon:
    def test_its_largest_picture_counts(self):
        content = encode(DRAWN.resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
        assert max(icon_sizes(io.BytesIO(content))) == (64, 64)
        assert open_rgb(io.BytesIO(content), MANY).pixels.size == (64, 64)
        content = encode(DRAWN.resize((64, 64)), "ICO", sizes=[(48, 48)], bitmap_format="bmp")
        assert icon_sizes(io.BytesIO(content)) == [(48, 48)]

    def test_its_pixels_are_counted_before_they_are_decoded(self):
        large = Image.new("1", (9000, 9000))
        with pytest.raises(ImageUnusable, match="81,000,000 pixels"):
            open_rgb(io.BytesIO(icon(encode(large))), 10**6)

    @pytest.mark.parametrize("content", [icon(b"")[:10], icon(b""), icon(b"\x89PNG\r\n\x1a\n")])
    def test_a_damaged_one_gets_a_reason(self, content):
        with pytest.raises(ImageUnusable, match="ICO"):
            open_rgb(io.BytesIO(content), MANY)


@pytest.mark.parametrize(
    ("head", "foreign"),
    [
        (media(b"avif", b"mif1", b"miaf"), None),
        (media(b"mif1", b"avif", b"miaf"), None),
        (media(b"mif1", b"heic"), "a HEIC photo"),
        (media(b"heic", b"mif1"), "a HEIC photo"),
        (media(b"isom", b"mp41"), "a video"),
        (media(b"qt  "), "a video"),
    ],
)
def test_photos_and_videos_in_the_same_kind_of_file_are_told_apart(head, foreign):
    assert foreign in (name_foreign_kind(head) or "") if foreign else not name_foreign_kind(head)
    assert name_own_kind(head) == (None if foreign else "AVIF")


@pytest.mark.parametrize("kind", ["EPS", "PDF", "PCX", "SGI", "ICNS", "DDS", "MSP", "XBM"])
def test_formats_that_are_not_read_are_not_even_tried(kind):
    content = encode(DRAWN.convert("1" if kind in ("MSP", "XBM") else "RGB"), kind)
    assert kind not in EXTENSIONS
    with pytest.raises(ImageUnusable):
        open_rgb(io.BytesIO(content), MANY)


def test_a_companion_file_of_macos_is_named():
    assert "companion file of macOS" in name_foreign_kind(b"\0\5\x16\7\0\2\0\0Mac OS X")
