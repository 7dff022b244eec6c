"""Heat-maps are computed once for all who ask, and shown beside their image."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tl_core.errors import NotExplainable
from tl_ui.heatmaps import Drawn, Heats, Wanted
from tl_ui.try_it.one_image import pair_html

WANTED = Wanted("r1", 2, "a" * 64, 0, "grad-cam")


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
