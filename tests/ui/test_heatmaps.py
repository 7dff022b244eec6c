"""Heat-maps: laid over the part of the image that the model sees, and computed once for all."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch
from PIL import Image

from tl_core.errors import NotExplainable
from tl_core.runs.predictor import Explanation
from tl_ui.heatmaps import Drawn, Heats, Wanted, overlay, where_words
from tl_ui.try_it.one_image import pair_html

WANTED = Wanted("r1", 2, "a" * 64, 0, "grad-cam")


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


def test_many_who_ask_at_once_wait_for_one_drawing():
    heats, go, n = Heats(), Event(), []

    def draw():
        n.append(1)
        go.wait(10)
        return Drawn(b"x", "there")

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(heats.get, WANTED, draw) for _ in range(8)]
        go.set()
        assert {future.result() for future in asked} == {Drawn(b"x", "there")}
    assert n == [1] and heats.find(WANTED) == Drawn(b"x", "there")


def test_a_failure_is_told_and_not_kept():
    heats = Heats()

    def fail():
        raise NotExplainable("no")

    with pytest.raises(NotExplainable):
        heats.get(WANTED, fail)
    assert heats.find(WANTED) is None
    assert heats.get(WANTED, lambda: Drawn(b"y", "")) == Drawn(b"y", "")


def test_names_are_text_beside_an_image_and_its_heat_map():
    html = pair_html("data:x", "<b>", Drawn(b"x", "strongest in the middle"), '"><script>')
    assert "<script>" not in html and "<b>" not in html
    assert 'alt="Heat-map. Where it sees &quot;&gt;&lt;script&gt;: strongest' in html


def test_the_image_is_shown_while_its_heat_map_is_being_made():
    assert "Asking the model where it looks" in pair_html("data:x", "a.png")
    done = pair_html("data:x", "a.png", Drawn(b"x", "strongest in the middle"), "cat")
    assert "Asking" not in done
    assert "Colour scale, from grey over violet and red to yellow" in done
