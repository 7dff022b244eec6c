"""Presets: each is a saved configuration that settings can express in full."""

import pytest

from tl_core.config import make_run_config
from tl_core.errors import ConfigError
from tl_core.presets import ANY_DATASET, PRESETS, get_preset

RECIPES = [
    "feature-extraction",
    "fine-tune-top",
    "full-fine-tune",
    "from-scratch",
    "two-phase",
    "gradual-unfreezing",
]
TEXTBOOKS = ["resnet18", "resnet50-two-phase", "mobilenetv2-mnist", "vgg16"]


def test_the_recipes_and_the_textbook_systems_are_there():
    assert list(PRESETS) == RECIPES + [f"textbook-{name}" for name in TEXTBOOKS]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_the_changes_of_a_preset_are_all_of_it(preset):
    assert make_run_config(ANY_DATASET, preset.changes) == preset.config
    assert preset.title
    assert preset.description.endswith(".")


def test_an_unknown_preset_is_refused_with_the_names():
    with pytest.raises(
        ConfigError, match="no preset 'fine-tune'; there are feature-extraction, fine-tune-top"
    ):
        get_preset("fine-tune")
