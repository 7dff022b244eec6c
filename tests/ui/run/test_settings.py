import shlex

import pytest

from tl_core.config import AUGMENTATIONS, make_run_config
from tl_core.facts import PlannedPhase, RunFacts, SplitFingerprints, SplitSizes
from tl_core.presets import PRESETS, changed_settings
from tl_core.records import Run, RunState
from tl_ui.run.settings import Fact, changed_facts, command_line, record, settings, settings_html

EVIL = '<img src=x onerror="alert(1)">'


def make_run(facts=None, state=RunState.RUNNING, started_at=None, finished_at=None, **choices):
    config = make_run_config("d1", choices)
    return Run(
        "bcdf", state, config, "pets", 0.0, started_at, finished_at, facts=facts or RunFacts()
    )


def terms(run):
    return {fact.term: fact.value for _, group in settings(run) for fact in group}


def test_a_setting_may_be_called_anything():
    html = settings_html([(EVIL, [Fact(EVIL, EVIL, EVIL)])], [(EVIL,), (EVIL,)])
    assert "<img" not in html
    assert html.count("&lt;img") == 6


def test_a_fresh_run_claims_nothing_it_has_not_found_out():
    run = make_run(state=RunState.QUEUED)
    assert [heading for heading, _ in settings(run)] == [
        "Changed from the defaults",
        "Model",
        "Training",
        "Images",
    ]
    assert {fact.term for fact in record(run)} == {"Run", "Dataset", "Seed", "Seed of the split"}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_changed_setting_is_shown_with_what_it_means(preset):
    facts = changed_facts(changed_settings(preset.config))
    assert len(facts) == max(1, len(changed_settings(preset.config)))
    assert all(fact.value for fact in facts)
    assert all(fact.explanation for fact in facts) or not changed_settings(preset.config)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_command_line_trains_with_the_same_settings(preset):
    given = shlex.split(command_line(preset.config))[6::2]
    assert make_run_config("any", dict(setting.split("=", 1) for setting in given)) == preset.config


def test_what_the_run_found_out_is_told():
    phase = PlannedPhase(first_epoch=1, last_epoch=5, frozen_stages=2, rates=(0, 0, 0.01))
    facts = RunFacts(
        splits=SplitSizes(train=70, val=15, test=15),
        split_warnings=("cat is missing",),
        seconds_by_stage={"preparing features": 3.0},
        cached_views=1,
        trainable_parameters=10,
        total_parameters=100,
        weights="ImageNet's, all 5 fitted.",
        micro_batch=8,
        plan=(phase,),
    )
    run = make_run(facts, RunState.COMPLETED, 0.0, 4.0)
    told = terms(run)
    assert told["Test"] == "15 images"
    assert told["About the split"] == "cat is missing"
    assert told["Preparing features"] == "3.0 s"
    assert told["In all"] == "4.0 s"
    assert told["Trainable parameters"] == "10 of 100"
    assert told["Initial weights"] == "ImageNet's, all 5 fitted."
    assert told["Gradient accumulation"].startswith("8 images at a time")
    plan = "One phase, epochs 1–5: all 2 stages frozen; the head learns at 0.01, no stage learns."
    assert told["Plan"] == plan
    cached = told["Cached behind the frozen stages"]
    assert cached == "1 view of each training image, so augmentation had no effect"


def test_without_augmentation_one_view_is_no_loss():
    run = make_run(RunFacts(cached_views=1), augment="none")
    assert not AUGMENTATIONS["none"].is_on
    assert terms(run)["Cached behind the frozen stages"] == "1 view of each training image"


def test_what_it_takes_to_repeat_a_run_is_on_record():
    facts = RunFacts(
        device="CPU",
        environment={"torch": "2"},
        split_fingerprint=SplitFingerprints(train="abc", val="bcd", test="def"),
    )
    told = {fact.term: fact.value for fact in record(make_run(facts))}
    assert (told["Device"], told["Software"]) == ("CPU", "torch 2")
    assert (told["Split"], told["Dataset"]) == ("train abc, val bcd, test def", "d1")
