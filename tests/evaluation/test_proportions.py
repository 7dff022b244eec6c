"""Shares of images named rightly, beside each other and beside guessing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation.proportions import Guessing, Share
from tl_core.records import Prediction

shares = st.integers(1, 500).flatmap(
    lambda n: st.builds(lambda k: Share(k / n, n), st.integers(0, n))
)


@given(shares, shares)
def test_two_shares_lie_apart_whichever_comes_first_and_never_from_themselves(
    one: Share, other: Share
):
    assert one.is_apart_from(other) == other.is_apart_from(one)
    assert not one.is_apart_from(one)


@pytest.mark.parametrize(("n", "apart"), [(6, False), (600, True)])
def test_the_same_gap_needs_enough_images(n: int, apart: bool):
    assert Share(1.0, n).is_apart_from(Share(5 / 6, n)) is apart


@given(st.lists(st.integers(1, 50), min_size=2, max_size=9))
def test_guessing_names_the_biggest_class_and_its_loss_is_at_most_that_of_classes_of_one_size(
    counts: list[int],
):
    labels = [label for label, n in enumerate(counts) for _ in range(n)]
    found = Guessing.among(
        [Prediction(i, label, (1.0,)) for i, label in enumerate(labels)], len(counts)
    )
    assert found.accuracy == pytest.approx(max(counts) / sum(counts))
    assert 0 < found.loss <= math.log(len(counts)) + 1e-9
    assert Guessing.among([], len(counts)).loss == pytest.approx(math.log(len(counts)))
