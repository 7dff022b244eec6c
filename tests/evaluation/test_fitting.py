from dataclasses import replace

import numpy as np
import pytest

from tl_core.config import ModelConfig
from tl_core.evaluation import Figure, judge, judge_fit, judge_promise, what_helps, wilson_interval
from tl_core.records import MetricPoint, Prediction


def curves(train, val, train_accuracy=(), val_accuracy=()):
    series = {
        ("train", "loss"): train, ("val", "loss"): val,
        ("train", "accuracy"): train_accuracy, ("val", "accuracy"): val_accuracy,
    }  # fmt: skip
    rows = [(epoch, *which, value) for which, values in series.items() for epoch, value in enumerate(values, 1)]
    return [MetricPoint(i, row[0], row[0], *row[1:], n=10) for i, row in enumerate(rows)]


RISING = curves([1, 0.5, 0.2, 0.1], [1, 0.6, 0.8, 1.1])
FALLING = curves([1, 0.9, 0.8, 0.7], [1, 0.9, 0.8, 0.7])
APART = curves([1, 0.3, 0.3, 0.3], [1, 0.4, 0.4, 0.4], [0.5, 1, 1, 1], [0.5, 0.8, 0.8, 0.8])
SETTLED = curves([1, 0.4, 0.39, 0.39], [1, 0.4, 0.4, 0.4], [0.5, 0.9, 0.9, 0.9], [0.5, 0.88, 0.88, 0.88])


@pytest.mark.parametrize(("points", "best", "kind", "words"), [
    (RISING, 2, "over", "rose from 0.600 to 1.100 while the training loss fell from 0.500 to 0.100"),
    (curves([0.1, 0.05, 0.02, 0.01], [0.03, 0.024, 0.03, 0.042]), 2, "good", "lowest, 0.024, in epoch 2 of 4"),
    (FALLING, 4, "under", "fell from 0.800 in epoch 3 to 0.700 in epoch 4"),
    (APART, 2, "over", "100.0 % of training images were named rightly, and 80.0 % of validation"),
    (SETTLED, 2, "good", "lowest, 0.400, in epoch 2 of 4"),
    (curves([0.013, 0.0129, 0.0128, 0.0125], [0.013, 0.0134, 0.0131, 0.0126]), 4, "good", "lowest, 0.013, in epoch 4"),
    (curves([1, 0.0009, 0.0007, 0.0006], [1, 0.4, 0.5, 0.6]), 2, "over", "the training loss stayed at 0.001"),
    (curves([1, 0.9], [1, 0.9]), 2, "unknown", "2 epochs are too few"),
    (curves([1], [1]), 1, "unknown", "1 epoch is too few"),
    ([], None, "unknown", "0 epochs are too few"),
])  # fmt: skip
def test_the_curves_say_how_it_fits_and_which_figures_show_it(points, best, kind, words):
    fit = judge_fit(points, best, ModelConfig())
    assert fit.kind == kind
    assert words in fit.sentence


def judged(right, n=100):
    return judge([Prediction(i, 0, (0.9, 0.1) if i < right else (0.1, 0.9)) for i in range(n)], 0)


@pytest.mark.parametrize(("val", "test", "words"), [
    (90, 88, "kept what validation promised: 90.0 % of 100 validation images and 88.0 % of 100 test images"),
    (99, 80, "Validation promised more than the test kept"),
    (60, 90, "The test went better"),
    (100, 97, "no further apart than chance would have it"),
    (97, 100, "no further apart than chance would have it"),
])  # fmt: skip
def test_what_validation_promised_is_held_against_the_test(val, test, words):
    assert words in judge_promise(judged(val), judged(test))


@pytest.mark.parametrize("n", [60, 155])
def test_one_image_less_in_the_test_than_in_validation_is_no_broken_promise(n):
    assert "no further apart than chance" in judge_promise(judged(n, n), judged(n - 1, n))


def test_of_equally_hard_images_the_test_seldom_seems_to_break_a_promise():
    chance, model = np.random.default_rng(0), judged(9, 10)
    broken = 0
    for _ in range(300):
        rights = chance.binomial(60, 0.9, 2).tolist()
        val, test = (replace(model, n=60, accuracy=Figure(r / 60, *wilson_interval(r, 60))) for r in rights)
        broken += "no further apart" not in judge_promise(val, test)
    assert broken <= 0.06 * 300


@pytest.mark.parametrize(("model", "kind", "words"), [
    (ModelConfig(), "over", "More images or stronger augmentation may help."),
    (ModelConfig(frozen_stages=-2), "over", "More images, stronger augmentation or more frozen stages may help."),
    (ModelConfig(), "unknown", "More images, more epochs or fewer frozen stages may help."),
    (ModelConfig(frozen_stages=0), "good", "More images, more epochs or more frozen stages may help."),
])  # fmt: skip
def test_what_is_said_to_help_fits_what_went_wrong(model, kind, words):
    assert what_helps(model, kind) == words


@pytest.mark.parametrize("kind", ["over", "under", "good", "unknown"])
def test_no_one_is_told_to_keep_what_has_not_learned(kind):
    assert "pretrained weights" in what_helps(ModelConfig(pretrained=False, frozen_stages=0), kind)
