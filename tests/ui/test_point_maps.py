"""Embedding maps: every image once, names as text, groups that differ by more than colour."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tl_ui.point_maps import PointMap, alt_words, bounds_of, by_class, by_right


@given(labels=st.lists(st.integers(0, 199), min_size=1, max_size=80))
def test_every_point_is_in_the_group_of_its_class(labels: list[int]):
    groups = by_class(labels, [f"class {i}" for i in range(200)])
    assert sorted(i for group in groups for i in group.points) == list(range(len(labels)))
    assert all(f"class {labels[i]}" == group.name for group in groups for i in group.points)


def test_classes_are_told_apart_by_colour_and_shape():
    groups = by_class(list(range(56)), [str(i) for i in range(56)])
    assert len({(group.colour, group.symbol) for group in groups}) == 56
    right, wrong = by_right([True, False, True])
    assert (right.points, wrong.points) == ((0, 2), (1,)) and right.symbol != wrong.symbol
    assert [group.name for group in by_right([True])] == ["✓ right"]


def test_names_are_text():
    names = ["<b>bold</b><img src=x onerror=alert(1)>", "\u202eturned", "n" * 300]
    groups = by_class([0, 1, 2], names)
    drawn = PointMap(
        "m",
        "t",
        alt_words(groups, 3),
        [0, 1, 2],
        [0, 1, 2],
        groups,
        names,
        ("/a/", "?t", ["x", "y", "z"]),
    )
    content = drawn.content()
    assert "<" not in content["groups"][0]["name"] and all(
        len(group["name"]) < 60 for group in content["groups"]
    )
    assert "\u202e" not in content["texts"][1] and content["pictures"]["names"] == ["x", "y", "z"]


def test_bounds_hold_all_points_of_all_maps():
    maps = [np.array([[0.0, 5.0]]), np.zeros((0, 2)), np.array([[-3.0, 1.0], [2.0, 9.0]])]
    (left, right), (low, high) = bounds_of(maps)
    assert left < -3 and right > 2 and low < 1 and high > 9
    assert bounds_of([np.zeros((0, 2))]) is None
