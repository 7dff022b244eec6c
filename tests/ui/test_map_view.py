"""Lasso selections: a stratified sample of them is shown."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tl_ui.map_view import MOST_CAUGHT, drawn_evenly


@given(st.lists(st.sampled_from("abc"), max_size=300))
def test_of_many_images_each_class_keeps_its_share(classes: list[str]):
    drawn = drawn_evenly(sorted(classes))  # as a map has them: class by class
    assert len(set(drawn)) == len(drawn) == min(MOST_CAUGHT, len(classes)) and drawn == sorted(
        drawn
    )
    shown = Counter(sorted(classes)[i] for i in drawn)
    for name, n in Counter(classes).items():
        assert abs(shown[name] - n * len(drawn) / len(classes)) <= 2
