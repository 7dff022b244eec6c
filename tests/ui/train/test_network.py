import re
from xml.etree import ElementTree

import pytest

from tl_ui.train.network import StageView, network_svg, parameters_text

STAGES = [
    StageView("stem", 464, "112 × 112 × 32"),
    StageView("stage1", 12_000, "56 × 56 × 64"),
    StageView("top", 1_300_000, "7 × 7 × 1280"),
]


def drawings(html):
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html)]


@pytest.mark.parametrize("frozen", [-1, 0, 1, 3, 9])
def test_both_layouts_are_valid_and_mark_frozen_stages(frozen):
    wide, tall = drawings(network_svg(STAGES, frozen, "5 classes"))
    n_frozen = max(0, min(3, frozen))
    for drawing in (wide, tall):
        hatched = [e for e in drawing.iter("rect") if "hatch" in e.get("fill", "")]
        assert len(hatched) == n_frozen
        words = [e.text for e in drawing.iter("text")]
        assert ("frozen" in words) == (n_frozen > 0)
        assert "trains" in words
        assert {"image", "stem", "head", "5 classes"} <= set(words)


def test_the_picture_has_a_description():
    (drawing, _) = drawings(network_svg(STAGES, 2, "5 classes"))
    assert drawing.find("title").text == "Network architecture"
    assert drawing.find("desc").text == (
        "An image passes through 3 stages and the head, which answers 5 classes. "
        "Frozen: stem, stage1 (12 k weights). Trains: top, head."
    )


def test_user_text_is_never_markup():
    hostile = "<script>alert(1)</script>"
    html = network_svg([StageView(hostile, 1, hostile)], 0, hostile)
    assert "<script" not in html
    assert len(drawings(html)) == 2


@pytest.mark.parametrize("output", ["", "unknown", "0 × 0 × 0", "9" * 5000])
def test_an_unreadable_shape_is_drawn_all_the_same(output):
    assert len(drawings(network_svg([StageView("a", 0, output)], 1, "x"))) == 2


@pytest.mark.parametrize(
    ("n", "text"), [(464, "464"), (12_345, "12 k"), (999_499, "999 k"), (1_300_000, "1.3 M")]
)
def test_parameters(n, text):
    assert parameters_text(n) == text


@pytest.mark.parametrize("n", [1, 9, 10, 16])
def test_many_stages_are_narrower_and_fit_a_row(n):
    wide, _ = drawings(network_svg(STAGES[:1] * n, n // 2, "5 classes"))
    assert float(wide.get("viewBox").split()[2]) <= 1300


def test_a_partly_frozen_stage_is_partly_hatched():
    whole, _ = drawings(network_svg(STAGES, 1, "x"))
    part, _ = drawings(network_svg(STAGES, 1, "x", {0, 2}))
    hatched = [[e for e in d.iter("rect") if "hatch" in e.get("fill", "")] for d in (whole, part)]
    assert [len(boxes) for boxes in hatched] == [1, 2]
    assert "Some layers frozen: top." in part.find("desc").text
