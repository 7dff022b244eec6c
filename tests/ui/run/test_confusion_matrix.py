from hypothesis import given
from hypothesis import strategies as st

from tl_core.records import Prediction
from tl_ui.run.confusion_matrix import cell_words, cells_in_order, place_of

answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30)


@given(answers)
def test_every_image_lies_in_one_cell_and_mix_ups_come_first(given_answers):
    made = [
        Prediction(i, t, tuple(float(k == a) for k in range(4)))
        for i, (t, a) in enumerate(given_answers)
    ]
    cells = cells_in_order(made)
    assert sum(cells.values()) == len(made)
    ranks = [(true == answer, -n) for (true, answer), n in cells.items()]
    assert ranks == sorted(ranks)


def test_a_cell_is_found_in_the_drawn_order_of_its_labels():
    assert place_of((2, 0), [2, 1, 0]) == (2, 0)
    assert place_of((2, 0), [0, 1]) is None
    assert place_of(None, [0, 1]) is None


def test_a_cell_in_words():
    assert cell_words(["cat", "dog"], (0, 1)) == "cat taken for dog"
    assert cell_words(["cat", "dog"], (1, 1)) == "dog, right"
