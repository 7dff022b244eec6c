from hypothesis import given
from hypothesis import strategies as st

from tl_core.records import Prediction
from tl_ui.compare.images import beside, filtered

answers = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20)


@given(answers)
def test_every_image_is_shown_and_the_hardest_first(pairs):
    sides = [
        [Prediction(i, 0, tuple(float(k == answer) for k in range(3))) for i, answer in side]
        for side in (enumerate(a for a, _ in pairs), enumerate(b for _, b in pairs))
    ]
    rows = beside(sides)
    assert sorted(row.position for row in rows) == list(range(len(pairs)))
    assert [row.n_right for row in rows] == sorted(row.n_right for row in rows)
    shown = filtered(rows)
    apart = {i for i, (a, b) in enumerate(pairs) if a != b}
    assert {row.position for row in shown["apart"]} == apart
    wrong = {i for i, (a, b) in enumerate(pairs) if a and b}
    assert {row.position for row in shown["wrong"]} == wrong


def test_only_images_that_all_were_tested_on_stand_beside_each_other():
    one, other = ([Prediction(i, 0, (1.0, 0.0)) for i in where] for where in ((0, 1), (1, 2)))
    assert [each.position for each in beside([one, other])] == [1]
