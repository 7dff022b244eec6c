import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation import most_mixed_up, order_by_mix_ups

matrices = st.integers(1, 9).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(0, 30), min_size=n, max_size=n), min_size=n, max_size=n
    ).map(np.array)
)


@given(matrices)
def test_an_order_by_mix_ups_has_every_class_once(matrix):
    assert sorted(order_by_mix_ups(matrix)) == list(range(len(matrix)))


def test_classes_that_are_mixed_up_stand_side_by_side():
    pairs = [(0, 5), (1, 4), (2, 3)]
    matrix = 10 * np.eye(6, dtype=int)
    for one, other in pairs:
        matrix[one, other] = matrix[other, one] = 8
    place = {label: i for i, label in enumerate(order_by_mix_ups(matrix))}
    assert all(abs(place[one] - place[other]) == 1 for one, other in pairs)


@given(matrices, st.integers(1, 12))
def test_the_most_mixed_up_have_no_fewer_mistakes_than_those_left_out(matrix, top):
    chosen = most_mixed_up(matrix, top)
    mistakes = matrix.sum(0) + matrix.sum(1) - 2 * matrix.diagonal()
    left = [n for label, n in enumerate(mistakes) if label not in chosen]
    assert len(chosen) == min(top, len(matrix)) and chosen == sorted(set(chosen))
    assert min(mistakes[chosen]) >= max(left, default=0)
