"""Heat-maps are laid over the part of the image that the model sees."""

import numpy as np
import pytest
import torch
from PIL import Image

from tl_core.runs.heat_overlay import overlay, where_words
from tl_core.runs.predictor import Explanation


def explanation(row: int = 0, column: int = 0, seen=(0.25, 0.0, 0.75, 1.0)) -> Explanation:
    heat = torch.zeros(8, 8)
    heat[row, column] = 1
    return Explanation(heat, seen)


def test_the_heat_is_in_colour_and_the_rest_is_grey():
    drawn = overlay(Image.new("RGB", (400, 200), (200, 60, 60)), explanation())
    pixels = np.asarray(drawn).astype(int)
    is_coloured = np.ptp(pixels, 2) > 30
    assert pixels.shape == (200, 400, 3)
    assert is_coloured[:25, 100:125].mean() > 0.5
    assert not is_coloured[:, :100].any() and not is_coloured[100:].any()
    is_hatched = np.ptp(pixels[:, :100, 0]) > 10
    assert is_hatched and np.ptp(pixels[100:, 150:300, 0]) == 0


@pytest.mark.parametrize("size", [(1, 1), (1024, 1), (1, 300)])
def test_images_of_odd_shapes_are_drawn(size):
    thin = explanation(seen=(0.49995, 0.0, 0.50005, 1.0))
    assert overlay(Image.new("RGB", size), thin).size == size


def test_where_it_is_strongest_is_said_of_the_whole_image():
    assert where_words(explanation(0, 0, (0, 0, 1, 1))) == "strongest at the upper left"
    assert where_words(explanation(0, 0)) == "strongest at the upper left"
    assert where_words(explanation(4, 7, (0, 0, 1, 1))) == "strongest at the middle right"
    assert where_words(explanation(3, 4)) == "strongest in the middle"
    assert (
        where_words(Explanation(torch.zeros(8, 8), (0, 0, 1, 1)))
        == "nothing in the image speaks for this class"
    )
