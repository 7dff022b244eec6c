"""Unusual files are read as libvips and OpenCV read them; see `making_specimens`."""

import io

import numpy as np
import pytest
from making_specimens import GREY, SPECIMENS, bmp

from tl_core.data.images import open_rgb

pyvips = pytest.importorskip("pyvips", reason="libvips is not installed (pyvips, pyvips-binary)")
cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (opencv-python-headless)")


def ours(content: bytes) -> np.ndarray:
    return np.asarray(open_rgb(io.BytesIO(content), 10**8).pixels).astype(float)


def by_vips(content: bytes) -> np.ndarray:
    image = pyvips.Image.new_from_buffer(content, "").autorot()
    most = 65535 if image.format == "ushort" else 255
    image = image.colourspace("rgb16" if most == 65535 else "srgb")
    if image.hasalpha():
        image = image.flatten(background=[most] * 3)
    return image.numpy().astype(float) * (255 / most)


def by_opencv(content: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    values = image.astype(float) * (255 / np.iinfo(image.dtype).max)
    if values.ndim == 2:
        return np.repeat(values[..., None], 3, -1)
    colours = values[..., 2::-1]
    if values.shape[-1] < 4:
        return colours
    alpha = values[..., 3:] / 255
    return colours * alpha + 255 * (1 - alpha)


ORACLES = {"libvips": by_vips, "OpenCV": by_opencv}
CMYK = "libvips converts CMYK without a profile by one of its own"
LEFT_OUT = {
    ("16-bit grey PNG with tRNS", "OpenCV"): "OpenCV ignores this transparency",
    ("2-bit grey PNG with tRNS", "OpenCV"): "OpenCV compares the key with scaled samples",
    ("4-bit grey PNG with tRNS", "OpenCV"): "OpenCV compares the key with scaled samples",
    ("16-bit WhiteIsZero TIFF", "OpenCV"): "OpenCV returns the samples as they are",
    ("16-bit planar RGB TIFF", "OpenCV"): "OpenCV reads planes as if they were none",
    ("16-bit planar RGB TIFF, big-endian", "OpenCV"): "OpenCV reads planes as if they were none",
    ("16-bit planar RGBA TIFF", "OpenCV"): "OpenCV reads planes as if they were none",
    ("8-bit RGBA TIFF", "OpenCV"): "OpenCV returns premultiplied colours",
    ("CMYK TIFF", "libvips"): CMYK,
    ("YCCK JPEG", "libvips"): CMYK,
    ("Lab TIFF", "libvips"): "libvips expects another layout of 8-bit Lab",
    ("Lab TIFF", "OpenCV"): "OpenCV returns the samples as they are",
    ("32-bit BMP with alpha", "libvips"): "this build of libvips reads no BMP",
}
"""Where one of the two does not read a specimen, or differs from the format's definition."""


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_pixels_are_those_of_other_decoders(name, oracle):
    if reason := LEFT_OUT.get((name, oracle)):
        pytest.skip(reason)
    wanted = ORACLES[oracle](SPECIMENS[name])
    # One of 255 by rounding, as some keep the high byte of 16 bits; half of it on average.
    difference = np.abs(ours(SPECIMENS[name]) - wanted)
    assert difference.max() <= 2 and difference.mean() < 1


def test_planes_and_zeros_are_those_of_tifffile():
    """The samples themselves, in 16 bits."""
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    for name in ("16-bit planar RGB TIFF", "16-bit planar RGB TIFF, big-endian"):
        samples = np.moveaxis(tifffile.imread(io.BytesIO(SPECIMENS[name])), 0, -1)
        assert np.abs(ours(SPECIMENS[name]) - samples / 257).max() <= 0.5
    inverted = tifffile.imread(io.BytesIO(SPECIMENS["16-bit WhiteIsZero TIFF"]))
    shown = ours(SPECIMENS["16-bit WhiteIsZero TIFF"])[..., 0]
    assert np.abs(shown - (65535.0 - inverted) / 257).max() <= 0.5


@pytest.mark.parametrize(
    ("masks", "bits"),
    [((0xF800, 0x7E0, 0x1F, 0), (5, 6, 5)), ((0x7C00, 0x3E0, 0x1F, 0), (5, 5, 5))],
)
def test_colours_of_a_16_bit_bmp(masks, bits):
    values = GREY & sum(masks)
    parts = [
        (values & mask) // (mask & -mask) / (2**n - 1)
        for mask, n in zip(masks[:3], bits, strict=True)
    ]
    assert np.abs(ours(bmp(16, masks, values)) - 255 * np.stack(parts, -1)).max() < 1
