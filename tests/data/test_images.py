"""Images of every format and mode are decoded correctly, or refused with a reason."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import encode, picture, png
from PIL import Image, ImageCms, PngImagePlugin

from tl_core.data.images import image_path, open_rgb, thumbnail_of, thumbnail_path, why_no_image
from tl_core.errors import ImageUnusable
from tl_core.records import ImageRecord

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning"
)
MANY = 10**8
QUIRKS = Path(__file__).parents[2].parent / "shared/datasets/_quirks"


def decode(content: bytes, max_pixels: int = MANY, draft_side: int | None = None, **options):
    return open_rgb(io.BytesIO(content), max_pixels, draft_side, **options)


def colour(content: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, int, int]:
    pixels = decode(content).pixels
    assert pixels.mode == "RGB"
    return pixels.getpixel(at)


def reason(content: bytes, max_pixels: int = MANY) -> str:
    with pytest.raises(ImageUnusable) as caught:
        decode(content, max_pixels)
    return str(caught.value)


def close(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 6) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("WEBP", "webp"),
        ("BMP", "bmp"),
        ("GIF", "gif"),
        ("TIFF", "tif"),
        ("JPEG2000", "jp2"),
        ("AVIF", "avif"),
        ("PPM", "pnm"),
        ("ICO", "ico"),
        ("TGA", "tga"),
    ],
)
def test_each_format_is_decoded_and_named_by_its_content(kind, extension):
    # An icon is written in standard sizes unless it is told another.
    image = decode(encode(picture(), kind, sizes=[(24, 18)]))
    assert (image.extension, image.width, image.height) == (extension, 24, 18)
    assert image.pixels.mode == "RGB" and image.pixels.size == (24, 18)


def test_a_path_is_decoded_like_a_stream(tmp_path):
    (tmp_path / "x").write_bytes(png())
    assert open_rgb(tmp_path / "x", MANY).pixels.tobytes() == decode(png()).pixels.tobytes()


def test_a_missing_file_is_a_reason(tmp_path):
    with pytest.raises(ImageUnusable, match="No such file"):
        open_rgb(tmp_path / "gone.png", MANY)


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (8, 8), shade) for shade in ("red", "blue")]
    for kind in ("GIF", "WEBP", "TIFF", "AVIF"):
        content = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        assert close(colour(content), (255, 0, 0))


def test_a_phone_s_mpo_is_a_jpeg():
    content = encode(picture(1), "MPO", save_all=True, append_images=[picture(2)])
    image = decode(content)
    assert image.extension == "jpg" and image.pixels.size == (24, 18)


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_exif_rotation_is_applied(self, kind, orientation):
        image = Image.new("RGB", (40, 20), "white")
        image.paste("red", (0, 0, 20, 10))
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = decode(encode(image, kind, exif=exif))
        size = (40, 20) if orientation < 5 else (20, 40)
        assert (upright.width, upright.height) == upright.pixels.size == size
        # Corner of the red part, by orientation: 0 for left or top, 1 for right or bottom.
        x, y = [(0, 0), (1, 0), (1, 1), (0, 1)][(orientation - 1) % 4]
        corner = (x * (upright.width - 1), y * (upright.height - 1))
        assert close(upright.pixels.getpixel(corner), (255, 0, 0), 12)

    def test_the_size_of_a_draft_is_that_of_the_upright_file(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        image = decode(encode(picture(size=(800, 400)), "JPEG", exif=exif), draft_side=40)
        assert (image.width, image.height) == (400, 800)
        assert image.pixels.size == (100, 200)

    @pytest.mark.parametrize(
        ("kind", "content", "is_turned"),
        [
            (2, b"6\0", False),
            (2, b"06\0", False),
            (1, b"\x06", True),
            (3, b"\6\0", True),
            (3, b"\x09\0", False),
            (4, b"\6\0\0\0", True),
        ],
        ids=["text", "text of two digits", "byte", "short", "out of range", "long"],
    )
    def test_only_a_number_turns_an_image(self, kind, content, is_turned):
        """As in libvips, text is no orientation."""
        count = {1: 1, 2: len(content), 3: 1, 4: 1}[kind]
        entry = struct.pack("<HHHI", 1, 0x0112, kind, count) + content.ljust(4, b"\0")
        exif = b"Exif\0\0II*\0\x08\0\0\0" + entry + bytes(4)
        upright = decode(encode(picture(size=(40, 20)), "JPEG", exif=exif))
        assert upright.pixels.size == ((20, 40) if is_turned else (40, 20))

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"x"]
    )
    def test_broken_exif_does_not_sink_a_fine_image(self, exif):
        assert decode(encode(picture(), "JPEG", exif=exif)).pixels.size == (24, 18)


@pytest.mark.parametrize(
    ("size", "drafted"),
    [((500, 375), (250, 188)), ((375, 500), (188, 250)), ((400, 400), (200, 200)), ((383, 9),) * 2],
)
def test_a_draft_for_a_thumbnail_has_the_long_side_that_is_needed(size, drafted):
    image = decode(encode(picture(size=size), "JPEG"), draft_long_side=192)
    assert ((image.width, image.height), image.pixels.size) == (size, drafted)


class TestColour:
    def test_cmyk_as_adobe_writes_it(self):
        content = encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
        assert b"Adobe" in content
        assert close(colour(content), (255, 0, 0), 12)

    def test_cmyk_tiff(self):
        content = encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "TIFF")
        assert close(colour(content), (0, 255, 255))

    @pytest.mark.parametrize("mode", ["1", "L"])
    def test_grey(self, mode):
        assert colour(encode(Image.new(mode, (4, 4), 255))) == (255, 255, 255)

    def test_ycbcr_and_lab(self):
        red = Image.new("RGB", (8, 8), "red")
        assert close(colour(encode(red.convert("YCbCr"), "TIFF")), (255, 0, 0))
        to_lab = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        pink = Image.new("RGB", (8, 8), (200, 30, 60))
        lab = ImageCms.profileToProfile(pink, *to_lab, outputMode="LAB")
        assert close(colour(encode(lab, "TIFF")), (200, 30, 60))

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_16_bit_grey_is_scaled_and_not_clipped(self, kind):
        deep = Image.fromarray(np.array([[0, 32768, 65535, 257]], dtype=np.uint16))
        assert [colour(encode(deep, kind), (x, 0))[0] for x in range(4)] == [0, 128, 255, 1]

    def test_big_endian_16_bit_tiff(self):
        values = np.array([0, 32768, 65535], dtype=">u2")
        content = encode(Image.frombytes("I;16B", (3, 1), values.tobytes()), "TIFF")
        assert content.startswith(b"MM")
        assert [colour(content, (x, 0))[0] for x in range(3)] == [0, 128, 255]

    def test_16_bit_colour_png(self):
        row = b"\0" + struct.pack(">6H", 65535, 32768, 0, 0, 65535, 32768)
        assert close(colour(handmade_png(2, 1, 16, 2, row)), (255, 128, 0), 1)

    def test_32_bit_integers_that_fit_16_are_scaled_like_16(self):
        deep = Image.fromarray(np.array([[0, 65535]], dtype=np.int32))
        assert colour(encode(deep, "TIFF"), (1, 0)) == (255, 255, 255)

    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ([0.0, 0.5, 1.0], [0, 128, 255]),
            ([0.0, 128.0, 255.0], [0, 128, 255]),
            ([-1.0, 0.0, 1.0], [0, 128, 255]),
            ([0.0, float("nan"), 1.0], [0, 0, 255]),
            ([7e6, 7e6, 7e6], [0, 0, 0]),
        ],
    )
    def test_float_tiff(self, values, shown):
        content = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
        assert [colour(content, (x, 0))[0] for x in range(3)] == shown

    @pytest.mark.parametrize(("mode", "clear"), [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0))])
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_transparency_becomes_white(self, mode, clear, kind):
        assert colour(encode(Image.new(mode, (4, 4), clear), kind)) == (255, 255, 255)

    def test_half_transparency_is_blended_with_white(self):
        content = encode(Image.new("RGBA", (4, 4), (255, 0, 0, 128)))
        assert close(colour(content), (255, 127, 127), 1)

    def test_a_palette_s_transparent_colours_become_white(self):
        image = Image.new("P", (4, 4), 1)
        image.putpalette([0, 0, 0, 255, 0, 0])
        assert colour(encode(image)) == (255, 0, 0)
        assert colour(encode(image, transparency=1)) == (255, 255, 255)
        assert close(colour(encode(image, transparency=b"\xff\x80")), (255, 127, 127), 1)
        assert colour(encode(image, "GIF", transparency=1)) == (255, 255, 255)

    @pytest.mark.parametrize(("mode", "key"), [("RGB", (10, 20, 30)), ("L", 10)])
    def test_a_colour_key_becomes_white(self, mode, key):
        assert colour(encode(Image.new(mode, (4, 4), key), transparency=key)) == (255, 255, 255)


class TestReasons:
    def test_zero_bytes(self):
        assert reason(b"") == "It is empty (0 bytes)."

    def test_text(self):
        assert "not an image" in reason(b"name,class\n1,2\n")

    @pytest.mark.parametrize(
        ("head", "word"),
        [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
            (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"  <svg/>", "SVG"),
            (b"%PDF-1.7", "PDF"),
        ],
    )
    def test_kinds_we_do_not_read_are_named_with_a_way_out(self, head, word):
        message = reason(head + bytes(100))
        assert word in message and "Save it as JPEG or PNG" in message

    def test_a_nested_zip_is_not_an_image(self):
        assert "not an image" in reason(b"PK\x03\x04" + bytes(50))

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            *((kind, kind) for kind in ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")),
            *((kind, kind) for kind in ("AVIF", "ICO", "TGA")),
            ("JPEG2000", "JPEG 2000"),
            ("PPM", "PNM"),
        ],
    )
    def test_every_format_cut_in_half(self, kind, name):
        content = encode(picture(size=(120, 90)), kind)
        assert name.lower() in reason(content[: len(content) // 2]).lower()

    def test_a_cut_off_jpeg_says_so(self):
        content = encode(picture(size=(300, 200)), "JPEG")
        assert "cut off" in reason(content[: len(content) * 2 // 3])

    def test_a_draft_finds_the_cut_too(self):
        content = encode(picture(size=(900, 600)), "JPEG")
        with pytest.raises(ImageUnusable, match="cut off"):
            decode(content[: len(content) * 2 // 3], draft_side=32)

    def test_a_corrupt_png(self):
        content = bytearray(encode(picture(size=(60, 60))))
        content[content.index(b"IDAT") + 20] ^= 0xFF
        assert "damaged PNG" in reason(bytes(content))

    def test_too_many_pixels_names_both_numbers(self):
        assert "432 pixels (24 x 18); the limit is 400" in reason(png(), max_pixels=400)

    def test_pixels_are_counted_before_they_are_decoded(self):
        # 50,000 x 50,000 pixels in a file of a few bytes: decoding would need 7.5 GB.
        assert "pixels" in reason(handmade_png(50_000, 50_000, 8, 2, b""))
        assert "pixels" in reason(handmade_png(12_000, 10_000, 8, 2, b""))

    def test_pillow_s_warning_as_an_error_is_handled(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "pixels" in reason(handmade_png(12_000, 10_000, 8, 2, b""))

    def test_a_text_bomb_inside_a_png(self):
        info = PngImagePlugin.PngInfo()
        info.add_text("comment", "x" * 50_000_000, zip=True)
        assert decode(encode(picture(), pnginfo=info)).pixels.tobytes() == picture().tobytes()

    def test_zero_sized_images(self):
        assert reason(handmade_png(0, 0, 8, 2, b""))
        assert reason(b"GIF89a" + bytes(20))


def handmade_png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + checksum

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


SEEDS = [
    encode(picture(3, (20, 15)), kind, **options)
    for kind, options in [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("MPO", {"save_all": True, "append_images": [picture(4)]}),
        ("JPEG2000", {}),
        ("AVIF", {}),
        ("PPM", {}),
        ("ICO", {}),
        ("TGA", {}),
        ("TGA", {"compression": "tga_rle"}),
    ]
]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_bytes_give_an_image_or_a_reason(data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    draft_side = data.draw(st.sampled_from([None, 4]))
    try:
        image = decode(bytes(content), max_pixels=10**6, draft_side=draft_side)
    except ImageUnusable as unusable:
        assert str(unusable).endswith(".")
    else:
        assert image.pixels.mode == "RGB" and image.width * image.height <= 10**6
        problem = why_no_image(io.BytesIO(content), 10**6)
        assert problem == "", "an image that can be decoded has a valid header"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([seed[:12] for seed in SEEDS] + [b""]), st.binary(max_size=200))
def test_rubbish_after_a_valid_beginning_gives_a_reason(head, rest):
    with pytest.raises(ImageUnusable):
        decode(head + rest, max_pixels=10**6)


@pytest.mark.parametrize(
    "content", [b"", b"name,class\n1,2\n", b"%PDF-1.7" + bytes(100), b"PK\x03\x04" + bytes(50)]
)
def test_the_header_alone_gives_the_same_reason_as_decoding(tmp_path, content):
    (tmp_path / "photo.jpg").write_bytes(content)
    assert why_no_image(tmp_path / "photo.jpg", MANY) == reason(content)


class TestFiles:
    def test_paths_are_made_of_fingerprints_and_not_of_names(self):
        image = ImageRecord(0, "ab" * 32, "../../etc/passwd", "..", None, "png", 1, 1)
        assert image_path(Path("/data"), image) == Path("/data/images") / f"{'ab' * 32}.png"
        thumbnail = Path("/data/thumbnails") / f"{'ab' * 32}.webp"
        assert thumbnail_path(Path("/data"), image.sha256) == thumbnail

    @pytest.mark.parametrize(
        ("size", "small"),
        [
            ((500, 375), (192, 144)),
            ((8, 8), (8, 8)),
            ((3000, 2), (192, 1)),
            ((192, 192), (192, 192)),
        ],
    )
    def test_thumbnails_keep_the_shape(self, size, small):
        _, file = thumbnail_of(picture(size=size))
        with Image.open(io.BytesIO(file)) as thumbnail:
            assert (thumbnail.size, thumbnail.mode, thumbnail.format) == (small, "RGB", "WEBP")

    def test_tiny_thumbnails_lose_nothing(self):
        tiny = picture(size=(8, 8))
        _, file = thumbnail_of(tiny)
        assert open_rgb(io.BytesIO(file), MANY).pixels.tobytes() == tiny.tobytes()


@pytest.mark.skipif(not QUIRKS.is_dir(), reason=f"unusual real files are not at {QUIRKS}")
class TestQuirks:
    def files(self, folder: str) -> list[Path]:
        return sorted((QUIRKS / folder).iterdir())

    def test_all_of_them_are_usable(self):
        for path in QUIRKS.glob("*/*"):
            assert open_rgb(path, MANY).pixels.mode == "RGB"

    def test_rotated_camera_files_stand_upright(self):
        for path in self.files("exif_orientation_6"):
            with Image.open(path) as raw:
                assert open_rgb(path, MANY).pixels.size == raw.size[::-1]

    def test_transparent_emoji_have_white_corners(self):
        for path in self.files("mode_RGBA") + self.files("mode_LA"):
            assert open_rgb(path, MANY).pixels.getpixel((0, 0)) == (255, 255, 255)
