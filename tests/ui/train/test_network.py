import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tl_ui.train.network import StageView, depth_sentences, network_html, parameters_text

STAGES = [
    StageView("stem", 464, "112 × 112 × 32"),
    StageView("stage1", 12_000, "56 × 56 × 64"),
    StageView("top", 1_300_000, "7 × 7 × 1280"),
]


def drawings(html):
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html)]


def test_both_layouts_are_valid_and_name_their_parts():
    for drawing in drawings(network_html(STAGES, "5 classes")):
        words = {e.text for e in drawing.iter("text")}
        assert {"image", "stem", "stage1", "top", "head", "5 classes", "frozen", "trains"} <= words


@pytest.mark.parametrize("n", [1, 9, 10, 16, 17, 100])
def test_every_number_of_stages_can_be_clicked_and_its_boundary_lies_behind_the_stage(n):
    for drawing in drawings(network_html(STAGES[:1] * n, "5 classes")):
        goals = [goal for goal in drawing.iter("g") if goal.get("data-freeze")]
        assert {int(goal.get("data-freeze")) for goal in goals} == set(range(n + 1))
        start, step = float(drawing.get("data-start")), float(drawing.get("data-step"))
        axis, length = drawing.get("data-axis"), {"x": "width", "y": "height"}
        for goal in goals:
            hit = next(area for area in goal.iter("rect") if area.get("class") == "hit")
            end = float(hit.get(axis)) + float(hit.get(length[axis]))
            if goal.get("data-stage"):
                assert end == pytest.approx(start + step * int(goal.get("data-freeze")), abs=0.2)


@pytest.mark.parametrize("n", [1, 9, 10, 16, 17, 100, 1000])
def test_any_number_of_stages_fits_a_screen_and_names_do_not_overlap(n):
    wide, tall = drawings(network_html(STAGES[:1] * n, "5 classes"))
    size = [float(number) for number in wide.get("viewBox").split()[2:]]
    assert size[0] <= 1300 or n > 300
    assert size[1] <= 250
    names = [float(e.get("x")) for e in wide.iter("text") if e.text == "stem"]
    assert all(b - a >= 60 for a, b in pairwise(names))
    names = [float(e.get("y")) for e in tall.iter("text") if e.text == "stem"]
    assert all(b - a >= 18 for a, b in pairwise(names))


def test_a_sentence_for_each_place_says_what_is_frozen_and_what_learns():
    assert depth_sentences(STAGES) == [
        ("Nothing frozen: all 3 stages learn", "Nothing frozen: all 3 stages learn, and the head."),
        (
            "Frozen up to stage 1 of 3",
            "Frozen up to stage 1 of 3 (stem): 464 of 1.3 M weights stay as they are; "
            "the last 2 stages and the head learn.",
        ),
        (
            "Frozen up to stage 2 of 3",
            "Frozen up to stage 2 of 3 (stage1): 12 k of 1.3 M weights stay as they are; "
            "the last stage and the head learn.",
        ),
        (
            "Frozen up to stage 3 of 3",
            "Frozen up to stage 3 of 3 (top): all 1.3 M weights stay as they are; "
            "only the head learns.",
        ),
    ]


def test_user_text_is_never_markup():
    hostile = "<script>alert(1)</script>"
    html = network_html([StageView(hostile, 1, hostile)], hostile)
    assert "<script" not in html
    assert len(drawings(html)) == 2


@pytest.mark.parametrize("output", ["", "unknown", "0 × 0 × 0", "9" * 5000])
def test_an_unreadable_shape_is_drawn_all_the_same(output):
    assert len(drawings(network_html([StageView("a", 0, output)], "x"))) == 2


@pytest.mark.parametrize(
    ("n", "text"), [(464, "464"), (12_345, "12 k"), (999_499, "999 k"), (1_300_000, "1.3 M")]
)
def test_parameters(n, text):
    assert parameters_text(n) == text
