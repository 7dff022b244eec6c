"""Principal components equal scikit-learn's, are reproducible, and can be aligned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from tl_core.evaluation.projection import align, as_half, project


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (12, 12)], ids=str)
def test_components_are_those_of_scikit_learn_but_for_their_signs(shape: tuple[int, int]):
    features = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
    ours, theirs = project(features, 5), PCA(5).fit(features)
    assert np.abs(ours.points) == pytest.approx(np.abs(theirs.transform(features)), abs=1e-4)
    assert ours.shares == pytest.approx(theirs.explained_variance_ratio_, rel=1e-4)
    assert np.array_equal(ours.points, project(features, 5).points)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (3, 2), (9, 4)])
def test_few_images_have_few_components(n: int, k: int):
    found = project(np.random.default_rng(0).random((n, 4)), 50)
    assert found.points.shape == (n, k) and np.isfinite(found.points).all()


def test_features_that_are_all_alike_lie_on_one_point():
    found = project(np.full((6, 3), 7.0), 2)
    assert not found.points.any() and found.spread == 0 and not found.shares.any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_refused(wrong: float):
    with pytest.raises(ValueError, match="not finite"):
        project(np.array([[1.0, wrong], [2.0, 3.0]]), 2)


@given(angle=st.floats(0, 6.3), mirrored=st.booleans())
def test_a_turned_map_is_turned_back(angle: float, mirrored: bool):
    points = np.random.default_rng(1).normal(size=(20, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = (points * [1, -1] if mirrored else points) @ turn
    assert align(turned, points) == pytest.approx(points, abs=1e-9)


def test_half_the_bytes_only_where_they_hold_the_numbers():
    assert as_half(np.array([1.5, -65504.0, np.inf, np.nan], np.float32)).dtype == np.float16
    assert as_half(np.array([1.0, 1e6], np.float32)).dtype == np.float32
