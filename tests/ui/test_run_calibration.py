from tl_core.evaluation import judge
from tl_core.records import Prediction
from tl_core.results import Calibration
from tl_ui.run_calibration import calibration_words, threshold_words

MADE = [Prediction(i, i % 2, (0.5 + i / 20, 0.5 - i / 20)) for i in range(10)]


def test_a_threshold_says_how_many_are_answered_and_how_right_those_are():
    words = threshold_words(MADE, 0.75)
    assert "**5 of 10** test images (50.0 %)" in words
    assert "**2 of 5** of those, 40.0 %" in words
    assert "5 would be left to a person" in words


def test_a_threshold_that_nothing_reaches_answers_nothing():
    assert "leave all to a person" in threshold_words(MADE, 1.0)
    assert "**10 of 10**" in threshold_words(MADE, 0.0)


def judged(right, n):
    return judge([Prediction(i, 0, (0.72, 0.28) if i < right else (0.28, 0.72)) for i in range(n)], 0)


def test_of_two_images_nobody_can_say_whether_it_is_as_sure_as_it_is_right():
    words = calibration_words(Calibration(0.722, 0.222, 0.5, 8, 0.3), judged(1, 2))
    assert words.startswith("2 test images are too few to say whether it is as sure as it is right")
    assert "about as sure" not in words and "points" not in words


def test_a_temperature_is_only_recommended_where_it_helps():
    worse = calibration_words(Calibration(0.984, 0.016, 0.44, 60, 0.026), judged(377, 380))
    assert "Making it surer would not help" in worse and "would leave them 2.6 points apart" in worse
    better = calibration_words(Calibration(0.99, 0.10, 1.8, 60, 0.026), judged(340, 380))
    assert "It could be made less sure" in better and "would make that 2.6 points" in better
    assert "scores behind its probabilities" in worse and "scores behind its probabilities" in better
