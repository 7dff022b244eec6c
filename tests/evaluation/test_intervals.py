import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation.intervals import mean_area_interval, mean_share_interval, wilson_interval

sizes = st.lists(st.integers(1, 60), min_size=1, max_size=8).map(
    lambda found: np.array(found, dtype=float)
)


@given(st.floats(0, 1), st.integers(1, 8), st.integers(1, 60))
def test_of_classes_of_one_size_the_mean_share_is_as_sure_as_the_share_of_all(share, classes, each):
    found = mean_share_interval(share, np.full(classes, float(each)))
    assert found == pytest.approx(wilson_interval(share * classes * each, classes * each))


@given(sizes)
def test_one_more_image_never_makes_a_mean_share_less_sure(classes):
    (low, _), (more, _) = mean_share_interval(1.0, classes), mean_share_interval(1.0, classes + 1)
    assert low < more < 1


@given(sizes, st.floats(0, 1))
def test_an_area_lies_in_its_interval_which_has_a_width(its, area):
    areas, others = np.full(len(its), area), np.full(len(its), 30.0)
    low, high = mean_area_interval(areas, its, others)
    assert 0 <= low <= area + 1e-9 and area - 1e-9 <= high <= 1 and high - low > 0.01
    assert mean_area_interval(1 - areas, its, others) == pytest.approx(
        (1 - high, 1 - low), abs=1e-6
    )


def test_of_one_image_on_each_side_an_area_is_as_unsure_as_the_share_of_one_image():
    one = np.ones(2)
    assert mean_area_interval(one, one, one) == pytest.approx(wilson_interval(1, 1), abs=1e-6)
