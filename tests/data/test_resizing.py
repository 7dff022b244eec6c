"""PyTorch and Pillow resize to the same pixels, from an image or from an array of its bytes."""

import numpy as np
import pytest
from making import picture
from PIL import Image

from tl_core.data import resizing
from tl_core.data.resizing import resize, resize_middle

SIZES = [(500, 375), (375, 500), (64, 64), (8, 8), (20, 31), (1, 40), (2000, 40)]


@pytest.fixture(params=[True, False], ids=["PyTorch", "Pillow"])
def way(request, monkeypatch):
    monkeypatch.setattr(resizing, "has_vectors", lambda: request.param)


def grainy(size: tuple[int, int]) -> Image.Image:
    noise = np.random.default_rng(0).integers(-40, 40, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(picture(1, size)) + noise, 0, 255).astype(np.uint8))


def are_close(one: np.ndarray, other: np.ndarray) -> bool:
    # Both round to 8 bits between two passes; PyTorch also has less precise weights.
    assert one.shape == other.shape and one.dtype == np.uint8
    difference = np.abs(one.astype(int) - other.astype(int))
    return difference.max() <= 6 and difference.mean() < 0.4


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", SIZES)
def test_all_of_an_image_is_resized_as_pillow_does(way, size, interpolation):
    image = grainy(size)
    expected = np.asarray(image.resize((80, 56), Image.Resampling[interpolation.upper()]))
    assert are_close(resize(image, (80, 56), interpolation), expected)
    assert are_close(resize(np.asarray(image), (80, 56), interpolation), expected)


@pytest.mark.parametrize("size", SIZES)
def test_the_middle_is_that_of_the_resized_image(way, size):
    image = grainy(size)
    short = min(size)
    new_size = 73 * size[0] // short, 73 * size[1] // short
    resized = image.resize(new_size, Image.Resampling.BICUBIC)
    left = round((resized.width - 64) / 2.0)
    top = round((resized.height - 64) / 2.0)
    expected = np.asarray(resized.crop((left, top, left + 64, top + 64)))
    assert are_close(resize_middle(image, 73, 64, "bicubic"), expected)
    assert are_close(resize_middle(np.asarray(image), 73, 64, "bicubic"), expected)


@pytest.mark.parametrize(
    ("box", "whole_pixels"),
    [
        ((10.4, 3.6, 49.7, 20.2), (10, 4, 50, 20)),
        ((0, 0, 60, 30), (0, 0, 60, 30)),
        ((30.2, 10.1, 30.4, 10.3), (30, 10, 31, 11)),
        ((59.9, 29.9, 60, 30), (59, 29, 60, 30)),
    ],
)
def test_a_box_has_whole_pixels_and_at_least_one(way, box, whole_pixels):
    image = grainy((60, 30))
    expected = np.asarray(image.crop(whole_pixels).resize((32, 32), Image.Resampling.BICUBIC))
    assert are_close(resize(image, (32, 32), "bicubic", box), expected)
    assert are_close(resize(np.asarray(image), (32, 32), "bicubic", box), expected)


def test_the_input_is_not_changed(way):
    pixels = np.asarray(grainy((60, 30)))
    pixels.flags.writeable = False
    found = resize(pixels, (60, 30), "bicubic")
    found[:] = 0
    assert pixels.any()
