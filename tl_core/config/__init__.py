"""Settings of a run: frozen, validated, saved with the run as JSON."""

from tl_core.config.augment import AUGMENTATIONS, PHOTOS, AugmentConfig
from tl_core.config.data import DataConfig
from tl_core.config.model import DEFAULT_BACKBONE, ModelConfig
from tl_core.config.run import KNOBS, SECTIONS, RunConfig, knob_help, knob_values, make_run_config
from tl_core.config.sentences import say_what_is_legal
from tl_core.config.training import TrainConfig

__all__ = [
    "AUGMENTATIONS",
    "DEFAULT_BACKBONE",
    "KNOBS",
    "PHOTOS",
    "SECTIONS",
    "AugmentConfig",
    "DataConfig",
    "ModelConfig",
    "RunConfig",
    "TrainConfig",
    "knob_help",
    "knob_values",
    "make_run_config",
    "say_what_is_legal",
]
