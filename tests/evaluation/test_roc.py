import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation.roc import MOST_POINTS, rank
from tl_core.records import Prediction

scored = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40)


def of(scores):
    return [Prediction(i, int(is_it), (1 - s / 8, s / 8)) for i, (is_it, s) in enumerate(scores)]


@given(scored)
def test_the_area_is_how_often_one_of_its_own_is_ranked_above_another(scores):
    own, others = ([s for is_it, s in scores if is_it == kind] for kind in (True, False))
    found = rank(of(scores), 1)
    if not own or not others:
        assert found is None
        return
    pairs = [(a > b) + (a == b) / 2 for a in own for b in others]
    assert found.auc == pytest.approx(np.mean(pairs))
    assert (found.n, found.n_others) == (len(own), len(others))


@given(scored.filter(lambda scores: len({is_it for is_it, _ in scores}) == 2))
def test_curves_run_from_nothing_to_everything(scores):
    found = rank(of(scores), 1)
    assert found.roc[0] == (0, 0) and found.roc[-1] == (1, 1)
    assert list(found.roc) == sorted(found.roc)
    assert found.precision_recall[0] == (0, 1) and found.precision_recall[-1][0] == 1
    assert 0 < found.average_precision <= 1


def test_a_curve_of_many_images_has_few_points_and_both_ends():
    generator = np.random.default_rng(0)
    many = [Prediction(i, int(i % 2), (1 - s, s)) for i, s in enumerate(generator.random(5_000))]
    found = rank(many, 1)
    assert len(found.roc) <= MOST_POINTS and found.roc[0] == (0, 0) and found.roc[-1] == (1, 1)
