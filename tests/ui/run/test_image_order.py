"""Orders of predictions: the most instructive come first."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tl_core.records import Prediction
from tl_ui.run.image_order import extremes, in_order, loss_of, ranked

SURE_WRONG = Prediction(0, 1, (0.9, 0.1))
UNSURE_WRONG = Prediction(1, 1, (0.6, 0.4))
SURE_RIGHT = Prediction(2, 0, (0.99, 0.01))
UNSURE_RIGHT = Prediction(3, 0, (0.55, 0.45))
ALL = [SURE_RIGHT, UNSURE_WRONG, UNSURE_RIGHT, SURE_WRONG]
SHARES = st.floats(0, 1) | st.just(math.nan)


def test_each_view_begins_with_what_it_is_called_by():
    assert in_order(ALL, "wrong") == [SURE_WRONG, UNSURE_WRONG]
    assert in_order(ALL, "right") == [UNSURE_RIGHT, SURE_RIGHT]
    assert in_order(ALL, "loss") == [SURE_WRONG, UNSURE_WRONG, UNSURE_RIGHT, SURE_RIGHT]


def test_the_loss_is_the_cross_entropy():
    assert loss_of(SURE_WRONG) == -math.log(0.1)
    assert loss_of(Prediction(0, 1, (1.0, 0.0))) == math.inf
    assert loss_of(Prediction(0, 1, (math.nan, math.nan))) == math.inf


def test_each_class_shows_its_worst_and_its_best_once():
    group = [Prediction(i, 0, (i / 10, 1 - i / 10)) for i in range(10)]
    [(label, worst, best), (other, *rest)] = extremes([*group[::-1], SURE_WRONG], 3)
    assert label == 0
    assert [p.position for p in worst] == [0, 1, 2]
    assert [p.position for p in best] == [7, 8, 9]
    assert (other, rest) == (1, [[SURE_WRONG], []])


@given(st.lists(st.tuples(st.integers(0, 2), SHARES, SHARES, SHARES)))
def test_no_answer_is_lost_even_where_there_are_no_numbers(rows):
    predictions = [Prediction(i, true, shares) for i, (true, *shares) in enumerate(rows)]
    places = {
        view: [p.position for p in in_order(predictions, view)]
        for view in ("wrong", "right", "loss")
    }
    everything = list(range(len(rows)))
    assert sorted(places["wrong"] + places["right"]) == sorted(places["loss"]) == everything
    losses = [loss_of(p) for p in in_order(predictions, "loss")]
    assert losses == sorted(losses, reverse=True)


def test_the_likeliest_classes_come_first():
    assert ranked(Prediction(0, 0, (0.2, 0.5, 0.3)), "abc", 2) == [("b", 0.5), ("c", 0.3)]
    assert len(ranked(Prediction(0, 0, (math.nan,) * 3), "abc")) == 3
