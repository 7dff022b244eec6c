"""Draws stay within the settings' bounds and occur at the settings' rates."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.config import AUGMENTATIONS, AugmentConfig
from tl_core.data.augment_draws import draw


def drawn(config: AugmentConfig, n: int = 400, size: tuple[int, int] = (200, 150)):
    return [draw(config, random.Random(seed), size) for seed in range(n)]


def share_of(name: str, config: AugmentConfig) -> float:
    draws = drawn(config)
    return sum(any(op and op.name == name for op in one.ops) for one in draws) / len(draws)


@given(
    st.integers(1, 600),
    st.integers(1, 600),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
    st.integers(),
)
def test_a_box_lies_within_the_image(width, height, crop, seed):
    config = AugmentConfig(crop=crop)
    left, top, right, bottom = draw(config, random.Random(seed), (width, height)).box
    assert 0 <= left < right <= width and 0 <= top < bottom <= height


def test_boxes_keep_the_share_and_the_ratio():
    boxes = [one.box for one in drawn(AugmentConfig(crop=0.3))]
    kept = [(right - left) * (bottom - top) / (200 * 150) for left, top, right, bottom in boxes]
    ratios = [(right - left) / (bottom - top) for left, top, right, bottom in boxes]
    assert 0.3 <= min(kept) < 0.35 and 0.9 < max(kept) <= 1
    assert 0.75 <= min(ratios) < 0.8 and 1.28 < max(ratios) <= 4 / 3 + 1e-9


def test_a_strip_is_seen_everywhere():
    tops = {round(one.box[1]) for one in drawn(AugmentConfig(crop=0.5), size=(1, 500))}
    assert len(tops) > 200


def test_without_cropping_there_is_no_box():
    assert draw(AugmentConfig(flip=True, colour=1), random.Random(0), (20, 20)).box is None


@pytest.mark.parametrize(
    ("name", "config", "share"),
    [
        ("flip", AugmentConfig(flip=True), 0.5),
        ("vertical_flip", AugmentConfig(vertical_flip=True), 0.5),
        ("blur", AugmentConfig(blur=0.2), 0.2),
        ("erase", AugmentConfig(erasing=0.7), 0.7),
        ("recolour", AugmentConfig(colour=0.1), 1),
        ("warp", AugmentConfig(rotation=10), 1),
    ],
)
def test_each_setting_draws_its_own_operation_at_its_rate(name, config, share):
    assert share_of(name, config) == pytest.approx(share, abs=0.08)
    assert {op.name for one in drawn(config) for op in one.ops if op} == {name}


def test_colours_stay_within_their_share():
    brightness = [sum(one.ops[0].values) for one in drawn(AugmentConfig(colour=0.2))]
    assert 0.8 - 1e-9 <= min(brightness) < 0.81 and 1.19 < max(brightness) <= 1.2 + 1e-9


def test_an_erased_rectangle_lies_within_the_image():
    for one in drawn(AugmentConfig(erasing=1)):
        left, top, right, bottom = one.ops[0].values
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        assert 0.01 < (right - left) * (bottom - top) < 0.34


def test_documents_have_no_flips():
    names = {op.name for one in drawn(AUGMENTATIONS["documents"]) for op in one.ops if op}
    assert names == {"warp", "recolour", "blur"}


def test_the_same_rng_draws_the_same():
    assert drawn(AUGMENTATIONS["photos"]) == drawn(AUGMENTATIONS["photos"])
    assert len(set(drawn(AUGMENTATIONS["photos"]))) == 400
