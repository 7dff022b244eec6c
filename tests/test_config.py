"""A run's configuration is complete, unchangeable, and refused in a sentence that says what is legal."""

import math

import pytest
from pydantic import ValidationError

from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError

DATA = {"dataset_id": "0123456789abcdef"}


def test_only_the_dataset_must_be_chosen():
    config = make_run_config(DATA, {}, {})
    assert config.data.dataset_id == DATA["dataset_id"]
    assert config.model.frozen_stages == "all"
    assert config.train.learning_rate is None


def test_texts_from_a_command_line_are_read_as_what_they_mean():
    config = make_run_config(DATA, {"frozen_stages": 3, "dropout": "0.5"}, {"epochs": "7", "augment": "false"})
    assert (config.model.frozen_stages, config.model.dropout) == (3, 0.5)
    assert (config.train.epochs, config.train.augment) == (7, False)


def test_a_configuration_survives_being_written_and_read():
    config = make_run_config(
        {**DATA, "split_seed": 2**32 - 1}, {"frozen_stages": 0, "pretrained": False}, {"learning_rate": 0.1}
    )
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError):
        make_run_config(DATA, {}, {}).train.epochs = 9


@pytest.mark.parametrize(
    ("section", "choice", "sentence"),
    [
        (
            "model",
            {"frozen_stages": "some"},
            "Frozen stages: 'some' is not possible; give 'all' or a whole number from 0.",
        ),
        ("model", {"frozen_stages": -1}, "Frozen stages: -1 is not possible; give 'all' or a whole number from 0."),
        ("model", {"dropout": 1}, "Dropout: 1 is not possible; give a number from 0 and below 1."),
        ("model", {"pretrained": "maybe"}, "Pretrained: 'maybe' is not possible; give true or false."),
        ("data", {"val_fraction": 0.5}, "Val fraction: 0.5 is not possible; give a number above 0 and below 0.5."),
        ("data", {"dataset_id": ""}, "Dataset id: '' is not possible; give at least one character."),
        ("train", {"epochs": 0}, "Epochs: 0 is not possible; give a whole number from 1 to 1000."),
        ("train", {"epochs": 2.5}, "Epochs: 2.5 is not possible; give a whole number from 1 to 1000."),
        ("train", {"epochs": "many"}, "Epochs: 'many' is not possible; give a whole number from 1 to 1000."),
        ("train", {"optimizer": "adam"}, "Optimizer: 'adam' is not possible; give 'adamw' or 'sgd'."),
        (
            "train",
            {"learning_rate": math.nan},
            "Learning rate: nan is not possible; give a number above 0 and at most 10 or nothing.",
        ),
        (
            "train",
            {"momentum": 0.9},
            "There is no setting 'momentum'; there are epochs, batch_size, optimizer, learning_rate, "
            "backbone_learning_rate, weight_decay, augment, seed.",
        ),
    ],
)
def test_a_bad_choice_is_named_with_what_is_legal(section: str, choice: dict, sentence: str):
    chosen = {"data": DATA, "model": {}, "train": {}}
    chosen[section] = {**chosen[section], **choice}
    with pytest.raises(ConfigError) as refusal:
        make_run_config(**chosen)
    assert str(refusal.value) == sentence


def test_a_missing_dataset_is_named():
    with pytest.raises(ConfigError, match=r"^Dataset id is missing; give at least one character\.$"):
        make_run_config({}, {}, {})


def test_a_backbone_from_scratch_has_nothing_to_freeze():
    with pytest.raises(ConfigError, match=r"^A backbone trained from scratch has nothing to keep: set the frozen"):
        make_run_config(DATA, {"pretrained": False, "frozen_stages": 2}, {})
    assert make_run_config(DATA, {"pretrained": False, "frozen_stages": 0}, {}).model.frozen_stages == 0
