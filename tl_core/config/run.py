"""All settings of a run, made from the values of a form or a command line."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError, model_validator

from tl_core.config.augment import AUGMENTATIONS, PHOTOS, AugmentConfig
from tl_core.config.choice import Choice
from tl_core.config.data import DataConfig
from tl_core.config.model import ModelConfig
from tl_core.config.sentences import legal_values, say_what_is_legal
from tl_core.config.training import TrainConfig
from tl_core.errors import ConfigError


class RunConfig(Choice):
    data: DataConfig
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    augment: AugmentConfig = PHOTOS

    @model_validator(mode="after")
    def _phases_fit(self) -> "RunConfig":
        train = self.train
        if train.unfreeze != "never":
            if not self.model.pretrained:
                raise ValueError(
                    "Unfreezing later needs pretrained weights: a random backbone learns from "
                    "the start."
                )
            if self.model.frozen_stages == "all" and self.model.frozen_layers is None:
                raise ValueError(
                    "Unfreezing later needs to know what stays frozen at the end: set the frozen "
                    "stages to fewer than all, such as -2 for all but the last two, or 0."
                )
            if train.head_epochs >= train.epochs:
                raise ValueError(
                    f"Head epochs: {train.head_epochs} leave no epoch of {train.epochs} for the "
                    "unfrozen stages; give fewer, or more epochs."
                )
        return self


SECTIONS: dict[str, type[Choice]] = {
    "data": DataConfig,
    "model": ModelConfig,
    "train": TrainConfig,
    "augment": AugmentConfig,
}
KNOBS: dict[str, str] = {
    field: section
    for section, model in SECTIONS.items()
    for field in model.model_fields
    # The dataset is chosen apart from the settings, and presets have none.
    if field != "dataset_id"
}
"""Section of every setting that can be changed, by the setting's name."""


def knob_help(name: str) -> str:
    """Return the help sentence of a setting."""
    return str(SECTIONS[KNOBS[name]].model_fields[name].description)


def make_run_config(
    dataset_id: str, settings: Mapping[str, Any], base: RunConfig | None = None
) -> RunConfig:
    """Make a run's settings from those of `base`, or the defaults, changed by flat `settings`.

    `settings` may hold any of `KNOBS`, and `augment`: the name of a set in `AUGMENTATIONS`, which
    single augmentation settings then change. Values may be text, as from a command line.

    Raises:
        ConfigError: in one sentence, the first setting that is wrong, its value and what is legal.
    """
    tree: dict[str, dict[str, Any]] = (
        base.model_dump() if base else {"augment": PHOTOS.model_dump()}
    )
    tree["data"] = {**tree.get("data", {}), "dataset_id": dataset_id}
    # Sets first: single augmentation settings change them, wherever they stand.
    for name, value in settings.items():
        if name == "augment":
            if value not in AUGMENTATIONS:
                raise ConfigError(
                    f"Augment: {value!r} is not possible; give "
                    f"{' or '.join(map(repr, AUGMENTATIONS))}."
                )
            tree["augment"] = AUGMENTATIONS[value].model_dump()
    for name, value in settings.items():
        if name == "augment":
            continue
        if name not in KNOBS:
            raise ConfigError(_no_such_setting(name))
        # An empty field of a form stands for the automatic choice.
        tree.setdefault(KNOBS[name], {})[name] = (
            None if value == "" and _may_be_empty(name) else value
        )
    # From scratch nothing may be frozen, so the default, all stages, would be refused.
    if "frozen_stages" not in settings and tree.get("model", {}).get("pretrained") in (
        False,
        "false",
        "off",
        "no",
        "0",
    ):
        tree["model"]["frozen_stages"] = 0
    return _validate(tree)


def _no_such_setting(name: str) -> str:
    names = [*KNOBS, "augment"]
    near = get_close_matches(name, names, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"There is no setting {name!r}.{meant} There are {', '.join(names)}."


def _may_be_empty(name: str) -> bool:
    return SECTIONS[KNOBS[name]].model_fields[name].default is None


def _validate(tree: dict[str, Any]) -> RunConfig:
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        # Errors of a whole section or of several together name no field.
        if len(where) < 2:
            raise ConfigError(say_what_is_legal(RunConfig, error, "")) from error
        raise ConfigError(
            say_what_is_legal(SECTIONS[str(where[0])], error, str(where[1]))
        ) from error


def knob_values(name: str) -> str:
    """Describe the legal values of a setting in words."""
    model: type[BaseModel] = SECTIONS[KNOBS[name]]
    return legal_values(model.model_json_schema()["properties"][name])
