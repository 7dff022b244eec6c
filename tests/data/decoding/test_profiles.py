"""Colours are converted to sRGB by an image's ICC profile, as other programs show them."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from making import encode, picture
from making_profiles import (
    ADOBE,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    grey_profile,
    profile,
    rgb_profile,
    xyz,
)
from PIL import Image, ImageCms

from tl_core.data.decoding.profiles import _transform, to_srgb
from tl_core.data.images import open_rgb

BUILT_IN = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOURS = picture(3, (60, 40))


def decode(content: bytes, **options) -> np.ndarray:
    return np.asarray(open_rgb(io.BytesIO(content), 10**8, **options).pixels).astype(int)


def converted(image: Image.Image, icc: bytes) -> np.ndarray:
    """Convert with lcms directly."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    srgb = ImageCms.createProfile("sRGB")
    result = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    return np.asarray(result).astype(int)


CASES = {
    "display-p3.png": (COLOURS, "PNG", {}, rgb_profile(DISPLAY_P3)),
    "display-p3.tif": (COLOURS, "TIFF", {}, rgb_profile(DISPLAY_P3)),
    "adobe.webp": (COLOURS, "WEBP", {"lossless": True}, rgb_profile(ADOBE)),
    "palette.png": (COLOURS.convert("P"), "PNG", {}, rgb_profile(DISPLAY_P3)),
    "grey.png": (COLOURS.convert("L"), "PNG", {}, grey_profile()),
    "cmyk.tif": (COLOURS.convert("CMYK"), "TIFF", {}, cmyk_profile()),
}


@pytest.mark.parametrize(("image", "kind", "options", "icc"), CASES.values(), ids=CASES)
def test_colours_are_converted_as_by_lcms(image, kind, options, icc):
    content = encode(image, kind, icc_profile=icc, **options)
    plain = decode(encode(image, kind, **options))
    wanted = converted(image.convert("RGB") if image.mode == "P" else image, icc)
    assert np.array_equal(decode(content), wanted)
    assert np.abs(plain - wanted).mean() > 4


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_converted_in_full_and_as_drafts(mode):
    icc = {"RGB": rgb_profile(), "L": grey_profile(), "CMYK": cmyk_profile()}[mode]
    image = picture(4, (900, 600)).convert(mode)
    content = encode(image, "JPEG", icc_profile=icc, quality=95)
    with Image.open(io.BytesIO(content)) as decoded:
        wanted = converted(decoded, icc)
    assert np.array_equal(decode(content), wanted)
    draft = decode(content, draft_side=40)
    assert draft.shape[1] < 300
    assert np.abs(draft.mean((0, 1)) - wanted.mean((0, 1))).max() < 1


def test_transparency_survives_the_conversion():
    image = picture(3, (60, 40)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    icc = rgb_profile(DISPLAY_P3)
    shown = decode(encode(image, icc_profile=icc))
    opaque = converted(image.convert("RGB"), icc)
    share = np.asarray(image.getchannel("A"))[..., None] / 255
    assert np.abs(shown - (opaque * share + 255 * (1 - share))).max() <= 1


@pytest.mark.parametrize(
    "icc", [BUILT_IN, BUILT_IN + bytes(8)], ids=["built in", "with something behind it"]
)
def test_an_srgb_profile_changes_nothing_and_is_skipped(icc):
    assert np.array_equal(decode(encode(COLOURS, icc_profile=icc)), np.asarray(COLOURS))
    assert _transform(icc, "RGB") is None
    # The very same image: not even a copy is made.
    assert to_srgb(COLOURS, icc) is COLOURS


BROKEN = {
    "empty": b"",
    "rubbish": b"rubbish" * 50,
    "cut off": rgb_profile()[:200],
    "no primaries": profile(b"RGB ", {}),
    "of another colour space": cmyk_profile(),
    "grey": grey_profile(),
    "a link between devices": profile(b"RGB ", {}, kind=b"link"),
    "all colours black": rgb_profile(np.zeros((3, 3))),
    "black and white swapped": rgb_profile(-DISPLAY_P3),
    "grey is black": rgb_profile(exponent=60.0),
    "numbers out of bounds": profile(b"RGB ", {b"rXYZ": xyz((32767, 32767, 32767))}),
    "too large": rgb_profile() + bytes(5 * 2**20),
}


@pytest.mark.parametrize("icc", BROKEN.values(), ids=BROKEN)
def test_a_broken_or_absurd_profile_counts_as_none(icc):
    # JPEG spreads a large profile over segments, and TIFF keeps any bytes.
    for kind in ("TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        content = encode(COLOURS, kind, icc_profile=icc, **options)
        assert np.array_equal(decode(content), np.asarray(COLOURS))


def test_a_profile_of_colours_in_a_grey_image_counts_as_none():
    grey = COLOURS.convert("L")
    content = encode(grey, icc_profile=rgb_profile(SRGB, 1.0))
    assert np.array_equal(decode(content)[..., 0], np.asarray(grey))


def test_any_damage_to_a_profile_leaves_the_image_usable():
    sound = bytearray(cmyk_profile())
    image = COLOURS.convert("CMYK")
    random = np.random.default_rng(0)
    for _ in range(40):
        icc = bytearray(sound)
        for _ in range(random.integers(1, 20)):
            icc[random.integers(0, 400)] = random.integers(0, 256)
        shown = decode(encode(image, "TIFF", icc_profile=bytes(icc)))
        assert shown.shape == (40, 60, 3)


def test_threads_share_a_transform():
    icc = rgb_profile(ADOBE)
    images = [encode(picture(seed, (200, 150)), icc_profile=icc) for seed in range(12)]
    alone = [decode(content) for content in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(decode, images * 3))
    assert all(np.array_equal(one, alone[i % 12]) for i, one in enumerate(together))
