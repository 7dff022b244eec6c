import pytest

from tl_core.config import ModelConfig, RunConfig
from tl_core.records import Run, RunState, TestResult
from tl_ui.run_words import (
    caution,
    class_names,
    depth_words,
    headline,
    model_words,
    n_ahead,
    queue_words,
    seconds_taken,
    settings,
    stop_promise,
    what_is_kept,
    when,
)
from tl_ui.text import GLOSSARY


def make_run(run_id="bcdf", state=RunState.RUNNING, model=None, train=None, **values):
    sections = {"data": {"dataset_id": "d1"}, "model": model or {}, "train": train or {}}
    return Run(run_id, state, RunConfig.model_validate(sections), "pets", 0.0, **values)


def make_result(accuracy, n, baseline=0.24):
    return TestResult(n, 0.5, accuracy, accuracy, accuracy, accuracy, baseline)


def test_the_headline_can_be_repeated():
    assert headline(make_result(327 / 380, 380)).replace("\N{NO-BREAK SPACE}", " ") == (
        "Right on 327 of 380 test images, 86.1 % (82–89 %); always guessing the biggest class would be 24 %."
    )


@pytest.mark.parametrize(
    ("accuracy", "n", "said"),
    [(0.861, 380, ""), (0.3, 20, "not clearly better"), (0.9, 20, "20 test images are few"), (0.24, 380, "guessing")],
)
def test_a_figure_that_means_little_is_not_left_alone(accuracy, n, said):
    words = caution(make_result(accuracy, n), ModelConfig())
    assert said in words
    assert bool(said) == bool(words)


def test_no_one_is_told_to_freeze_less_than_nothing():
    guess = make_result(0.24, 380)
    assert "fewer frozen stages" in caution(guess, ModelConfig())
    assert "more frozen stages" in caution(guess, ModelConfig(frozen_stages=0))
    assert "pretrained weights" in caution(guess, ModelConfig(pretrained=False, frozen_stages=0))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, "all 9 stages frozen"),
        ({"frozen_stages": 9}, "all 9 stages frozen"),
        ({"frozen_stages": 5}, "first 5 of 9 stages frozen"),
        ({"frozen_stages": 0}, "nothing frozen"),
        ({"frozen_stages": 0, "pretrained": False}, "from random weights"),
        ({"backbone": "gone"}, "all stages frozen"),
        ({"backbone": "gone", "frozen_stages": 2}, "first 2 stages frozen"),
    ],
)
def test_depth_in_words(model, words):
    assert depth_words(ModelConfig.model_validate(model)) == words


def test_a_model_is_called_by_its_title_while_the_catalogue_has_it():
    assert model_words(ModelConfig()).startswith("EfficientNet-Lite0, ")
    assert model_words(ModelConfig(backbone="gone")).startswith("gone, ")


def test_stop_promises_what_the_run_will_keep():
    assert "keeps nothing" in stop_promise(make_run())
    promise = stop_promise(make_run(epochs_done=3, best_epoch=2))
    assert "3 epochs" in promise
    assert "model of epoch 2" in promise
    assert "no test figure" in promise


def test_what_is_kept_of_a_run_that_ended_early():
    assert what_is_kept(make_run(), False).startswith("Nothing of it is kept")
    assert what_is_kept(make_run(epochs_done=2, best_epoch=1), True).endswith("and the model of epoch 1.")
    assert what_is_kept(make_run(epochs_done=2), False).endswith("but no model.")


def test_the_place_in_the_queue_counts_what_runs_and_what_was_queued_before():
    queue = [make_run(name, RunState.QUEUED) for name in ("new", "mid", "old")]
    runs = [queue[0], make_run("done", RunState.COMPLETED), queue[1], make_run("now"), queue[2]]
    assert [n_ahead(run, runs) for run in queue] == [3, 2, 1]
    assert n_ahead(queue[2], queue) == 0
    assert queue_words(0).startswith("Next in line")
    assert queue_words(1) == "Waiting: 1 run is ahead of this one."
    assert queue_words(2) == "Waiting: 2 runs are ahead of this one."


def test_time_taken():
    assert seconds_taken(make_run()) is None
    assert seconds_taken(make_run(started_at=10.0), now=15.0) == 5
    assert seconds_taken(make_run(started_at=10.0, finished_at=12.0), now=99.0) == 2
    assert seconds_taken(make_run(started_at=10.0), now=9.0) == 0


def test_the_hour_is_the_readers():
    assert when(0.0, "Europe/Berlin") == "1 Jan 1970, 01:00"
    assert when(0.0, None) == when(0.0, "No/Such") == when(0.0, "../etc") == "1 Jan 1970, 00:00 UTC"


def test_class_names_outlive_the_dataset():
    assert class_names(make_run(facts={"classes": ["cat", "dog"]}), 2) == ["cat", "dog"]
    assert class_names(make_run(), 2) == ["class 1", "class 2"]


def test_settings_of_a_fresh_run_claim_nothing_it_has_not_found_out():
    groups = dict(settings(make_run(state=RunState.QUEUED)))
    assert list(groups) == ["Model", "Training", "Images"]


def test_settings_name_the_learning_rates_that_were_really_used():
    def rates(**model):
        facts = dict(settings(make_run(model=model)))["Training"]
        return [fact.value for fact in facts if fact.term.startswith("Learning rate")]

    assert rates() == ["0.01", "none: it is frozen"]
    assert rates(frozen_stages=3) == ["0.01", "0.001"]
    assert rates(frozen_stages=0, pretrained=False) == ["0.01", "0.01"]


def test_settings_tell_what_the_run_found_out():
    facts = {
        "device": "CPU",
        "environment": {"torch": "2"},
        "splits": {"train": 70, "val": 15, "test": 15},
        "split_warnings": ["cat is missing"],
        "seconds_by_stage": {"training": 3.0},
        "cached_views": 1,
        "trainable_parameters": 10,
        "total_parameters": 100,
    }
    run = make_run(state=RunState.COMPLETED, facts=facts, started_at=0.0, finished_at=4.0)
    said = {fact.term: fact.value for _, group in settings(run) for fact in group}
    assert said["Device"] == "CPU"
    assert said["Software"] == "torch 2"
    assert said["Training"] in ("70 images", "3.0 s")
    assert said["About the split"] == "cat is missing"
    assert said["In all"] == "4.0 s"
    assert said["Weights that learn"] == "10 of 100"
    assert said["Kept behind the frozen stages"] == "1 view of each training image, so augmentation had no effect"


def test_every_term_is_in_the_glossary():
    facts = {"splits": {"train": 1, "val": 1, "test": 1}}
    terms = {fact.glossary for _, group in settings(make_run(facts=facts)) for fact in group}
    assert terms - {""} <= set(GLOSSARY)
