"""Run configurations: complete, immutable, and refused with the legal values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tl_core.config import (
    AUGMENTATIONS,
    KNOBS,
    SECTIONS,
    AugmentConfig,
    RunConfig,
    knob_help,
    knob_values,
    make_run_config,
)
from tl_core.errors import ConfigError

DATASET = "0123456789abcdef"


def value_of(config: RunConfig, name: str) -> object:
    return getattr(getattr(config, KNOBS[name]), name)


def test_only_the_dataset_must_be_chosen():
    config = make_run_config(DATASET, {})
    assert config.data.dataset_id == DATASET
    assert config.model.frozen_stages == "all"
    assert config.augment == AUGMENTATIONS["photos"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("epochs", "7", 7),
        ("frozen_stages", "3", 3),
        ("frozen_stages", "-2", -2),
        ("frozen_stages", "all", "all"),
        ("dropout", "0.5", 0.5),
        ("hidden_units", "1024,256", (1024, 256)),
        ("hidden_units", "0", ()),
        ("hidden_units", 256, (256,)),
        ("frozen_names", "layer1*, bn1", ("layer1*", "bn1")),
        ("flip", "false", False),
        ("image_size", "", None),
        ("learning_rate", "", None),
    ],
)
def test_texts_from_a_command_line_are_read_as_what_they_mean(
    name: str, text: object, value: object
):
    assert value_of(make_run_config(DATASET, {name: text}), name) == value


def test_a_set_of_augmentations_is_taken_whole_and_single_settings_change_it():
    config = make_run_config(DATASET, {"flip": True, "augment": "documents"})
    assert config.augment == AUGMENTATIONS["documents"].model_copy(update={"flip": True})
    assert make_run_config(DATASET, {"augment": "none"}).augment == AugmentConfig()
    assert not AugmentConfig().is_on
    assert not AUGMENTATIONS["documents"].flip


def test_settings_change_what_a_base_says_and_keep_the_rest():
    base = make_run_config("any", {"epochs": 9, "optimizer": "adam", "augment": "none"})
    config = make_run_config(DATASET, {"epochs": 3}, base)
    assert config.data.dataset_id == DATASET
    assert (config.train.epochs, config.train.optimizer, config.augment) == (
        3,
        "adam",
        AugmentConfig(),
    )


@given(st.data())
def test_a_configuration_survives_being_written_and_read(data: st.DataObject):
    settings = {
        "seed": data.draw(st.integers(0, 2**32 - 1)),
        "learning_rate": data.draw(st.floats(1e-9, 10)),
    }
    settings["hidden_units"] = data.draw(st.lists(st.integers(1, 8192), max_size=4))
    settings["augment"] = data.draw(st.sampled_from(sorted(AUGMENTATIONS)))
    config = make_run_config(DATASET, settings)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError):
        make_run_config(DATASET, {}).train.epochs = 9


def test_every_setting_has_one_name_a_sentence_of_help_and_words_for_its_values():
    assert len(KNOBS) == sum(len(section.model_fields) for section in SECTIONS.values()) - 1
    for name in KNOBS:
        assert knob_help(name).endswith(".")
        assert knob_values(name)


STAGES = "give 'all' or a whole number from -100 to 100."


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("frozen_stages", "some", f"Frozen stages: 'some' is not possible; {STAGES}"),
        ("frozen_stages", 101, f"Frozen stages: 101 is not possible; {STAGES}"),
        ("dropout", 1, "Dropout: 1 is not possible; give a number from 0 and below 1."),
        ("pretrained", "maybe", "Pretrained: 'maybe' is not possible; give true or false."),
        (
            "val_fraction",
            0.5,
            "Val fraction: 0.5 is not possible; give a number above 0 and below 0.5.",
        ),
        ("epochs", 0, "Epochs: 0 is not possible; give a whole number from 1 to 1000."),
        ("epochs", 2.5, "Epochs: 2.5 is not possible; give a whole number from 1 to 1000."),
        ("loss", "hinge", "Loss: 'hinge' is not possible; give 'cross-entropy' or 'focal'."),
        (
            "augment",
            "x",
            "Augment: 'x' is not possible; give 'none' or 'photos' or 'documents' or "
            "'any-rotation'.",
        ),
        (
            "weights",
            "/etc",
            "Weights: '/etc' is not possible; give imagenet, file:NAME or hf:OWNER/NAME.",
        ),
        (
            "hidden_units",
            "wide",
            "Hidden units: 'wide' is not possible; give a whole number from 1 to 8192, or "
            "several of them with commas.",
        ),
        (
            "learning_rate",
            math.nan,
            "Learning rate: nan is not possible; give a number above 0 and at most 10 or nothing.",
        ),
    ],
)
def test_a_bad_choice_is_named_with_what_is_legal(name: str, value: object, sentence: str):
    with pytest.raises(ConfigError) as refusal:
        make_run_config(DATASET, {name: value})
    assert str(refusal.value) == sentence


def test_a_setting_that_does_not_exist_is_refused_with_the_nearest_and_all_there_are():
    with pytest.raises(
        ConfigError, match=r"no setting 'optimiser'. Did you mean optimizer\? There are .*min_delta"
    ):
        make_run_config(DATASET, {"optimiser": "adam"})


def test_a_missing_dataset_is_named():
    with pytest.raises(
        ConfigError, match=r"^Dataset id: '' is not possible; give at least one character\.$"
    ):
        make_run_config("", {})


def test_a_backbone_from_scratch_has_nothing_to_freeze():
    with pytest.raises(
        ConfigError, match=r"^A backbone trained from scratch has nothing to keep: set the frozen"
    ):
        make_run_config(DATASET, {"pretrained": False, "frozen_stages": 2})
    assert make_run_config(DATASET, {"pretrained": "false"}).model.frozen_stages == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"unfreeze": "gradual"}, "Unfreezing later needs to know what stays frozen at the end"),
        (
            {"unfreeze": "two-phase", "frozen_stages": 0, "head_epochs": 5},
            "Head epochs: 5 leave no epoch of 5",
        ),
        (
            {"unfreeze": "two-phase", "pretrained": False},
            "Unfreezing later needs pretrained weights",
        ),
    ],
)
def test_phases_that_cannot_be_are_refused(settings: dict, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        make_run_config(DATASET, settings)
