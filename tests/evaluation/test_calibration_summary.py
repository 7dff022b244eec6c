"""Whether a model is as sure as it is right is said as far as it can be known."""

from tl_core.evaluation import Calibration, judge
from tl_core.records import Prediction


def judged(right, n):
    return judge(
        [Prediction(i, 0, (0.72, 0.28) if i < right else (0.28, 0.72)) for i in range(n)], 0
    )


def test_of_two_images_nobody_can_say_whether_it_is_as_sure_as_it_is_right():
    words = Calibration(0.722, 0.222, 0.5, 8, 0.3).say(judged(1, 2))
    assert words.startswith("2 test images are too few to say whether it is as sure as it is right")
    assert "about as sure" not in words and "points" not in words


def test_a_temperature_is_only_recommended_where_it_helps():
    worse = Calibration(0.984, 0.016, 0.44, 60, 0.026).say(judged(377, 380))
    assert (
        "Making it surer would not help" in worse and "would leave them 2.6 points apart" in worse
    )
    better = Calibration(0.99, 0.10, 1.8, 60, 0.026).say(judged(340, 380))
    assert "It could be made less sure" in better and "would make that 2.6 points" in better
    assert (
        "scores behind its probabilities" in worse and "scores behind its probabilities" in better
    )


def test_sure_without_a_doubt_is_only_who_has_none():
    answers = [Prediction(i, 0, (0.99999, 0.00001)) for i in range(400)]
    assert "its confidence is > 99.9 % on average" in Calibration(0.99999, 0.0, None, 0, None).say(
        judge(answers, 0)
    )
