import pytest

from tl_core.config import ModelConfig, RunConfig
from tl_core.evaluation import judge, what_helps
from tl_core.facts import RunFacts
from tl_core.records import Prediction, Run, RunState, TestResult
from tl_core.runs.summary import (
    caution,
    changes_of,
    class_names,
    depth_words,
    headline,
    is_busy,
    members_of,
    missing_words,
    model_words,
    queue_words,
    recipe_words,
    seconds_taken,
    when,
)


def make_run(run_id="bcdf", state=RunState.RUNNING, model=None, train=None, **values):
    sections = {"data": {"dataset_id": "d1"}, "model": model or {}, "train": train or {}}
    return Run(run_id, state, RunConfig.model_validate(sections), "pets", 0.0, **values)


def make_result(accuracy, n, baseline=0.24):
    return TestResult(n, 0.5, accuracy, accuracy, accuracy, accuracy, baseline)


def test_the_headline_has_accuracy_interval_and_baseline():
    assert headline(make_result(327 / 380, 380)).replace("\N{NO-BREAK SPACE}", " ") == (
        "Right on 327 of 380 test images, 86.1 % (82–89 %); always guessing the most frequent "
        "class would reach 24 %."
    )


@pytest.mark.parametrize(
    ("accuracy", "n", "warning"),
    [
        (0.861, 380, ""),
        (0.3, 20, "not clearly better"),
        (0.9, 20, "20 test images are few"),
        (0.3, 20, "20 test images are few"),
        (1.0, 29, "29 test images are few"),
        (1.0, 1, "1 test image is few"),
        (0.24, 380, "guessing"),
    ],
)
def test_a_figure_that_means_little_has_a_warning(accuracy, n, warning):
    words = caution(make_result(accuracy, n), ModelConfig(), "unknown")
    assert warning in words
    assert bool(warning) == bool(words)


def test_few_test_images_are_told_of_with_the_range_of_the_headline_and_its_width():
    words = caution(make_result(19 / 24, 24), ModelConfig(), "unknown")
    assert "60–91" in headline(make_result(19 / 24, 24))
    assert "the accuracy most likely lies between 60 and 91 % (31 points wide)" in words


def test_no_one_is_told_to_freeze_less_than_nothing():
    guess = make_result(0.24, 380)
    assert "fewer frozen stages" in caution(guess, ModelConfig(), "unknown")
    assert "more frozen stages" in caution(guess, ModelConfig(frozen_stages=0), "unknown")
    assert "pretrained weights" in caution(
        guess, ModelConfig(pretrained=False, frozen_stages=0), "unknown"
    )


def test_the_warning_and_the_verdict_of_the_curves_name_the_same_remedy():
    model = ModelConfig(frozen_stages=-2)
    assert caution(make_result(0.24, 380), model, "over").endswith(what_helps(model, "over"))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, "all stages frozen"),
        ({"frozen_stages": 1}, "first stage frozen"),
        ({"frozen_stages": 5}, "first 5 stages frozen"),
        ({"frozen_stages": -2}, "last 2 stages fine-tuned"),
        ({"frozen_stages": -1}, "last stage fine-tuned"),
        ({"frozen_stages": 0}, "all stages fine-tuned"),
        ({"frozen_layers": 100}, "first 100 layers frozen"),
        (
            {"frozen_names": "*.bn1", "frozen_stages": 0},
            "all stages fine-tuned, some layers frozen by name",
        ),
        ({"frozen_stages": 0, "pretrained": False}, "from random weights"),
    ],
)
def test_depth_in_words(model, words):
    assert depth_words(ModelConfig.model_validate(model)) == words


def test_a_model_is_called_by_its_title_while_the_catalogue_has_it():
    assert model_words(ModelConfig()).startswith("EfficientNet-Lite0, ")
    assert model_words(ModelConfig(backbone="gone")).startswith("gone, ")


def test_the_recipe_names_the_unfreezing():
    model = {"backbone": "resnet18", "frozen_stages": -2}
    run = make_run(model=model, train={"unfreeze": "two-phase", "epochs": 5})
    assert recipe_words(run.config) == "ResNet-18, last 2 stages fine-tuned, two-phase"
    assert recipe_words(make_run(model=model).config) == "ResNet-18, last 2 stages fine-tuned"


def test_only_queued_and_running_runs_are_busy():
    busy = {RunState.QUEUED, RunState.RUNNING}
    assert {state for state in RunState if is_busy(make_run(state=state))} == busy


def test_a_comparison_is_its_runs_in_the_order_of_the_queue_without_what_continues_one():
    runs = [
        make_run("new", facts=RunFacts(comparison="c", continues="old")),
        make_run("old", facts=RunFacts(comparison="c")),
        make_run("other"),
    ]
    assert [run.id for run in members_of(runs, "c")] == ["old"]


def test_the_place_in_the_queue_in_words():
    assert queue_words(0).startswith("Next in line")
    assert queue_words(1) == "Waiting: 1 run is ahead of this one."
    assert queue_words(2) == "Waiting: 2 runs are ahead of this one."
    assert queue_words(2, True) == "Waiting: the queue is held. 2 runs are ahead of this one."
    assert queue_words(0, rests=True) == "Waiting: the training time of its owner is used up."
    assert queue_words(0, True) == "Waiting: the queue is held. This run is the next one."


def test_time_taken():
    assert seconds_taken(make_run()) is None
    assert seconds_taken(make_run(state=RunState.PAUSED, started_at=10.0), now=15.0) is None
    assert seconds_taken(make_run(started_at=10.0), now=15.0) == 5
    assert seconds_taken(make_run(started_at=10.0, finished_at=12.0), now=99.0) == 2
    assert seconds_taken(make_run(started_at=10.0), now=9.0) == 0


def test_earlier_time_counts_and_pauses_do_not():
    stages = {"training": 30.0, "testing": 4.0}
    facts = RunFacts(seconds_by_stage=stages, seconds_before=31.0)
    at = {"started_at": 1000.0, "facts": facts}
    assert seconds_taken(make_run(state=RunState.COMPLETED, finished_at=1003.5, **at)) == 34.5
    assert seconds_taken(make_run(state=RunState.RUNNING, **at), now=1002.0) == 33
    assert seconds_taken(make_run(state=RunState.QUEUED, **at), now=99_999.0) == 34
    # Found dead, or cancelled in a pause, a day later.
    for state in (RunState.INTERRUPTED, RunState.CANCELLED):
        assert seconds_taken(make_run(state=state, finished_at=87_400.0, **at)) == 34


def test_a_run_took_no_less_than_its_stages():
    facts = RunFacts(seconds_by_stage={"training": 30.0, "testing": 4.0})
    run = make_run(state=RunState.COMPLETED, started_at=0.0, finished_at=3.4, facts=facts)
    assert seconds_taken(run) == 34


def test_automatic_choices_are_no_changes():
    train = {"batch_size": 32, "epochs": 7}
    assert changes_of(make_run(train=train)) == train
    automatic = RunFacts(left_to_machine=("batch_size",))
    assert changes_of(make_run(train=train, facts=automatic)) == {"epochs": 7}


def test_times_are_in_the_readers_time_zone():
    assert when(0.0, "Europe/Berlin") == "1 Jan 1970, 01:00"
    assert when(0.0, None) == when(0.0, "No/Such") == when(0.0, "../etc") == "1 Jan 1970, 00:00 UTC"


def test_class_names_outlive_the_dataset():
    assert class_names(make_run(facts=RunFacts(classes=("cat", "dog"))), 2) == ["cat", "dog"]
    assert class_names(make_run(), 2) == ["class 1", "class 2"]


def test_a_test_set_of_one_class_says_what_it_cannot_show():
    judged = judge([Prediction(i, 0, (0.9 - i / 10, 0.1 + i / 10)) for i in range(3)], 0)
    assert "of one class" in missing_words(judged)
    assert "nothing about the others" in caution(
        make_result(1.0, 3, baseline=1.0), ModelConfig(), "unknown"
    )
    both = judge([Prediction(i, i % 2, (0.6, 0.4)) for i in range(6)], 0)
    assert missing_words(both) == ""
