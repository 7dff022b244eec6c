from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation import answered
from tl_core.records import Prediction
from tl_ui.run.calibration import parted, threshold_words

MADE = [Prediction(i, i % 2, (0.5 + i / 20, 0.5 - i / 20)) for i in range(10)]


def test_a_threshold_says_how_many_are_answered_and_how_right_those_are():
    words = threshold_words(MADE, 0.75)
    assert "**5 of 10** test images (50.0 %)" in words
    assert "**2 of 5** of those, 40.0 %" in words
    assert "5 would be left to a person" in words


def test_a_threshold_that_nothing_reaches_answers_nothing():
    assert "leave all to a person" in threshold_words(MADE, 1.0)
    assert "**10 of 10**" in threshold_words(MADE, 0.0)


@given(st.integers(0, 100))
def test_each_image_is_answered_or_left_to_a_person(threshold):
    wrong, left = parted(MADE, threshold / 100)
    (figures,) = answered(MADE, [threshold / 100])
    assert (len(wrong), len(left)) == (figures.n - figures.right, len(MADE) - figures.n)
    assert not any(p.is_right for p in wrong)
    assert not {p.position for p in wrong} & {p.position for p in left}
    assert all(p.confidence < threshold / 100 <= q.confidence for p in left for q in wrong)
