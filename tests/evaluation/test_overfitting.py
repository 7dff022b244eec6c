from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.config import ModelConfig, make_run_config
from tl_core.evaluation import Figure, judge, judge_fit, judge_promise, what_helps, wilson_interval
from tl_core.evaluation.proportions import Share
from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, Prediction, Run, RunState


def curves(train, val, train_accuracy=(), val_accuracy=(), n=100):
    series = {
        ("train", "loss"): train, ("val", "loss"): val,
        ("train", "accuracy"): train_accuracy, ("val", "accuracy"): val_accuracy,
    }  # fmt: skip
    rows = [
        (epoch, *which, value)
        for which, values in series.items()
        for epoch, value in enumerate(values, 1)
    ]
    return [MetricPoint(i, row[0], row[0], *row[1:], n=n) for i, row in enumerate(rows)]


def run_of(best_epoch, model=None, augment="none", **facts):
    config = make_run_config("d", {**(model or {}), "augment": augment})
    return Run(
        "r", RunState.COMPLETED, config, "pets", 0.0, best_epoch=best_epoch, facts=RunFacts(**facts)
    )


RISING = curves([1, 0.5, 0.2, 0.1], [1, 0.6, 0.8, 1.1])
FALLING = curves([1, 0.9, 0.8, 0.7], [1, 0.9, 0.8, 0.7])
APART = curves([1, 0.3, 0.3, 0.3], [1, 0.4, 0.4, 0.4], [0.5, 1, 1, 1], [0.5, 0.8, 0.8, 0.8])
SETTLED = curves(
    [1, 0.4, 0.39, 0.39], [1, 0.4, 0.4, 0.4], [0.5, 0.9, 0.9, 0.9], [0.5, 0.88, 0.88, 0.88]
)


@pytest.mark.parametrize(("points", "best", "kind", "words"), [
    (RISING, 2, "over", "rose from 0.600 to 1.100 while the training loss fell from 0.500 to "
                        "0.100"),
    (curves([0.1, 0.05, 0.02, 0.01], [0.03, 0.024, 0.03, 0.042]), 2, "good", "lowest, 0.024, in "
                                                                             "epoch 2 of 4"),
    (FALLING, 4, "under", "fell from 0.800 in epoch 3 to 0.700 in epoch 4"),
    (curves([5, 4, 3.6, 3.3], [5.5, 4.2, 3.6, 3.45]), 4, "under", "fell from 3.600 in epoch 3 to "
                                                                  "3.450 in epoch 4"),
    (APART, 2, "over", "100.0 % of 100 training images rightly, while it was learning, and 80.0 "
                       "% of 100 validation"),
    (curves([1, 0.3, 0.3], [1, 0.6, 0.6], [0.5, 1, 1], [0.5, 0.83, 0.83], n=6), 3, "unknown",
     "6 validation images are too few to tell whether it knows the training images better"),
    (SETTLED, 2, "good", "lowest, 0.400, in epoch 2 of 4"),
    (curves([0.013, 0.0129, 0.0128, 0.0125], [0.013, 0.0134, 0.0131, 0.0126]), 4, "good", "lowest, "
                                                                                          "0.013, "
                                                                                          "in "
                                                                                          "epoch "
                                                                                          "4"),
    (curves([1, 0.0009, 0.0007, 0.0006], [1, 0.4, 0.5, 0.6]), 2, "over", "the training loss "
                                                                         "stayed at 0.001"),
    (curves([1, 0.9], [1, 0.9]), 2, "unknown", "2 epochs are too few"),
    (curves([1], [1]), 1, "unknown", "1 epoch is too few"),
    ([], None, "unknown", "0 epochs are too few"),
])  # fmt: skip
def test_the_curves_say_how_it_fits_and_which_figures_show_it(points, best, kind, words):
    fit = judge_fit(run_of(best), points, [], 10)
    assert fit.kind == kind
    assert words in fit.sentence


def torn(right_kept, right_last, n):
    """Curves whose loss falls to the end while the accuracy was best in epoch 1."""
    rights = [right_kept / n, right_last / n, right_last / n]
    return curves([1, 0.8, 0.7], [0.7, 0.667, 0.618], [0.5, 0.6, 0.7], rights, n=n)


def test_where_loss_and_accuracy_disagree_the_rule_is_named_and_no_more_epochs_advised():
    fit = judge_fit(run_of(1), torn(17, 15, 24), [], 10)
    assert fit.kind == "unknown"
    assert (
        "Epoch 1 was kept for its validation accuracy: 17 of 24 images right; epoch 3 has a lower "
        "loss but 15 of 24, a difference within chance. Loss and accuracy disagree"
    ) in fit.sentence
    assert "More epochs" not in fit.sentence


@given(st.integers(2, 400), st.data())
def test_a_kept_epoch_is_explained_exactly_where_another_has_the_lowest_loss(n, data):
    kept = data.draw(st.integers(1, n))
    last = data.draw(st.integers(0, kept - 1))
    sentence = judge_fit(run_of(1), torn(kept, last, n), [], 10).sentence
    told = f"{kept} of {n} images right; epoch 3 has a lower loss but {last} of {n}"
    assert told in sentence
    is_apart = Share(kept / n, n).is_apart_from(Share(last / n, n))
    assert ("within chance" in sentence) != is_apart
    assert "was kept for" not in judge_fit(run_of(3), torn(last, kept, n), [], 10).sentence


def test_a_rise_of_the_loss_is_told_with_the_reason_why_a_later_epoch_was_kept():
    points = curves([1, 0.5, 0.2, 0.1], [1, 0.6, 0.8, 1.1], [0.5] * 4, [0.5, 0.7, 0.8, 0.9])
    fit = judge_fit(run_of(4), points, [], 2)
    assert fit.kind == "over"
    assert "0.100. Epoch 4 was kept for its validation accuracy: 90 of 100" in fit.sentence


def guessed(n_of_classes, right=lambda label: label == 0):
    """Answers to so many images of each class, right where that says so."""
    labels = [label for label, n in enumerate(n_of_classes) for _ in range(n)]
    k = len(n_of_classes)
    return [
        Prediction(
            i,
            t,
            tuple(
                0.6 if c == (t if right(t) else (t + 1) % k) else 0.4 / (k - 1) for c in range(k)
            ),
        )
        for i, t in enumerate(labels)
    ]


FLAT = curves(
    [2.31, 2.304, 2.303, 2.303],
    [2.31, 2.304, 2.303, 2.303],
    [0.1] * 4,
    [0.1, 0.11, 0.1, 0.1],
    n=400,
)
RARE = curves([0.4, 0.32, 0.32], [0.4, 0.32, 0.32], [0.8, 0.9, 0.9], [0.8, 0.9, 0.9], n=100)


@pytest.mark.parametrize(("points", "val", "kind"), [
    (FLAT, guessed([40] * 10), "nothing"),
    (FLAT, [], "nothing"),
    (curves([3, 2.5, 2.4], [3, 2.9, 3.3], [0.1] * 3, [0.1] * 3, n=400), [], "nothing"),
    (curves([2.3, 1, 0.1], [2.3, 2.5, 3], [0.1, 0.6, 1], [0.1] * 3, n=400), [], "over"),
    (curves([2, 1.2, 1.2], [2, 1.2, 1.2], [0.1, 0.6, 0.6], [0.1, 0.6, 0.6], n=400), [], "good"),
    # Always the biggest class of 90 and 10; then nine in ten of both, with a loss no better.
    (RARE, guessed([90, 10]), "nothing"),
    (RARE, guessed([90, 10], lambda label: True), "good"),
])  # fmt: skip
def test_a_model_that_is_no_better_than_guessing_has_learned_nothing(points, val, kind):
    fit = judge_fit(run_of(2), points, val, len(val[0].probabilities) if val else 10)
    assert fit.kind == kind
    assert (
        "It has learned nothing yet" in fit.sentence and "Another learning rate" in fit.sentence
    ) == (kind == "nothing")


def test_what_guessing_comes_to_is_said_beside_the_figures():
    assert judge_fit(run_of(2), FLAT, guessed([40] * 10), 10).sentence.startswith(
        "It has learned nothing yet: after epoch 2, its best, it named 11.0 % of 400 validation "
        "images rightly, where guessing would name 10.0 %; the validation loss was 2.304, that "
        "of guessing 2.303. "
    )


@given(st.integers(1, 12), st.data())
def test_of_few_images_no_gap_is_claimed_that_chance_allows(n, data):
    right = data.draw(st.integers(0, n)) / n
    points = curves([1, 0.3, 0.3], [1, 0.4, 0.4], [0.5, 1, 1], [0.5, right, right], n=n)
    fit = judge_fit(run_of(2), points, [], 2)
    is_over, low = "It knows the training images better" in fit.sentence, wilson_interval(n, n)[0]
    assert not is_over or right < low
    assert is_over == (right < 0.9 and Share(1.0, n).is_apart_from(Share(right, n)))


def test_the_sides_of_the_sentence_are_the_kept_models_where_that_was_asked():
    points = curves([1, 0.4, 0.4], [1, 0.4, 0.4], [0.5, 0.8, 0.8], [0.5, 0.9, 0.9])
    check = {"n": 500, "accuracy": 1.0, "loss": 0.01}
    sides = "100.0 % of 500 training images rightly, and 90.0 % of 100 validation images."
    fit = judge_fit(run_of(2, train_check=check), points, [], 2)
    assert fit.sentence.endswith(
        f" Asked again afterwards, the kept model, of epoch 2, names {sides}"
    )
    augmented = judge_fit(run_of(2, augment="photos", train_check=check), points, [], 2)
    assert (
        f"Asked again afterwards, without augmentation, the kept model, of epoch 2, names {sides}"
        in (augmented.sentence)
    )
    learning = " In epoch 2 it named 80.0 % of 100 training images rightly, while it was learning"
    assert (
        f"{learning}, on augmented images, and"
        in judge_fit(run_of(2, augment="photos"), points, [], 2).sentence
    )
    assert f"{learning}, and 90.0 % of 100" in judge_fit(run_of(2), points, [], 2).sentence


def test_a_gap_that_only_the_kept_model_shows_is_seen():
    points = curves([1, 0.4, 0.4], [1, 0.4, 0.4], [0.5, 0.8, 0.8], [0.5, 0.8, 0.8])
    assert judge_fit(run_of(2), points, [], 2).kind == "good"
    assert (
        judge_fit(
            run_of(2, train_check={"n": 500, "accuracy": 1.0, "loss": 0.01}), points, [], 2
        ).kind
        == "over"
    )


def judged(right, n=100):
    return judge([Prediction(i, 0, (0.9, 0.1) if i < right else (0.1, 0.9)) for i in range(n)], 0)


@pytest.mark.parametrize(("val", "test", "words"), [
    (90, 88, "kept what validation promised: 90.0 % of 100 validation images and 88.0 % of 100 "
             "test images"),
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
        val, test = (
            replace(model, n=60, accuracy=Figure(r / 60, *wilson_interval(r, 60))) for r in rights
        )
        broken += "no further apart" not in judge_promise(val, test)
    assert broken <= 0.06 * 300


@pytest.mark.parametrize(("model", "kind", "words"), [
    (ModelConfig(), "over", "More images or stronger augmentation may help."),
    (ModelConfig(frozen_stages=-2), "over", "More images, stronger augmentation or more frozen "
                                            "stages may help."),
    (ModelConfig(), "unknown", "More images, more epochs or fewer frozen stages may help."),
    (ModelConfig(), "nothing", "Another learning rate, more epochs or fewer frozen stages may "
                               "help."),
    (ModelConfig(frozen_stages=0), "good", "More images, more epochs or more frozen stages may "
                                           "help."),
])  # fmt: skip
def test_what_is_said_to_help_fits_what_went_wrong(model, kind, words):
    assert what_helps(model, kind) == words


@pytest.mark.parametrize("kind", ["over", "under", "good", "nothing", "unknown"])
def test_no_one_is_told_to_keep_what_has_not_learned(kind):
    assert "pretrained weights" in what_helps(ModelConfig(pretrained=False, frozen_stages=0), kind)
