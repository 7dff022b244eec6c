"""Labels and values of a run's settings in words, shared by forms, tables and reports."""

from functools import cache
from typing import Any, Literal

from tl_core.config import KNOBS, SECTIONS, RunConfig

LABELS = {
    "weights": "Initial weights",
    "image_size": "Image size in pixels",
    "frozen_layers": "Frozen layers, by Keras' count",
    "frozen_names": "Frozen by name",
    "batch_norm": "BatchNorm in frozen stages",
    "hidden_units": "Hidden layers",
    "val_fraction": "Share for validation",
    "test_fraction": "Share for the test",
    "accumulate": "Gradient accumulation, batches",
    "unfreeze": "Unfreezing",
    "head_epochs": "Epochs of the head alone",
    "fine_tune_rate": "Rate factor after unfreezing",
    "unfreeze_every": "Epochs between two stages",
    "learning_rate": "Learning rate of the head",
    "backbone_learning_rate": "Learning rate of unfrozen stages",
    "layer_decay": "Rate factor from stage to stage",
    "warm_up": "Warm-up",
    "step_epochs": "Epochs between two drops",
    "decay": "Rate factor at each drop",
    "plateau_patience": "Patience before a drop",
    "loss": "Loss",
    "focal_gamma": "Focal gamma",
    "class_balance": "Class imbalance",
    "l2_sp": "Pull to the pretrained weights (L2-SP)",
    "mixup": "Mixup",
    "cutmix": "CutMix",
    "early_stopping": "Early stopping, patience",
    "min_delta": "Early stopping, least gain",
    "ema": "Average of the weights (EMA)",
    "clip_norm": "Gradient clipping",
    "views": "Cached views of each image",
    "feature_precision": "Precision of cached activations",
    "crop": "Random crop keeps at least",
    "flip": "Mirror left and right",
    "vertical_flip": "Turn upside down",
    "rotation": "Rotation, degrees",
    "colour": "Colour",
    "erasing": "Random erasing",
    "policy": "Augmentation policy",
}
"""Labels of settings whose own name is not a good one."""

CHOICES = {
    "gd": "Gradient descent",
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "nesterov": "SGD with Nesterov momentum",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "two-phase": "two phases: the head, then more",
    "gradual": "gradual: one stage after the other",
    "one-cycle": "one cycle",
    "plateau": "when it stops improving (plateau)",
    "focal": "focal loss",
    "weights": "count rare classes more",
    "sampling": "show rare classes more often",
    "softmax": "one for each class (softmax)",
    "sigmoid": "a single one (sigmoid)",
    "frozen": "keep what they have learned",
    "adapt": "adapt to these images",
    "trivial": "TrivialAugment",
    "rand": "RandAugment",
}
"""Words for the values of choices that are not self-explanatory."""

_NONE_WHEN_EMPTY = ("hidden_units", "frozen_names", "frozen_layers")
"""Settings whose empty value means none; an empty value of the others means automatic."""


def label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


@cache
def kind(name: str) -> Literal["switch", "choice", "text"]:
    """Return the kind of widget that a setting takes."""
    # From the schema, so that a new setting gets its widget without an entry here.
    schema = _schema(name)
    if schema.get("type") == "boolean":
        return "switch"
    return "choice" if "enum" in schema else "text"


@cache
def _schema(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = SECTIONS[KNOBS[name]].model_json_schema()["properties"][name]
    return properties


def choices(name: str) -> list[str]:
    return list(_schema(name)["enum"])


def choice_words(value: str) -> str:
    return CHOICES.get(value, value)


def empty_words(name: str) -> str:
    """Return the meaning of an empty value."""
    return "none" if name in _NONE_WHEN_EMPTY else "automatic"


def as_text(value: Any) -> str:
    """Return a number, a list or None as text for a field."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    # Ten figures hide the rounding of binary fractions, as in 0.30000000000000004.
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def flat(config: RunConfig) -> dict[str, Any]:
    """Return the values of all settings by name."""
    return {name: getattr(getattr(config, section), name) for name, section in KNOBS.items()}


def value_words(name: str, value: Any) -> str:
    """Return a value in words for a sentence. May contain user text."""
    if name == "frozen_stages":
        return _frozen_words(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if kind(name) == "choice":
        return choice_words(value)
    return as_text(value) or empty_words(name)


def _frozen_words(stages: int | str) -> str:
    if stages == "all":
        return "all"
    n = int(stages)
    if n == 0:
        return "none"
    return f"all but the last {-n}" if n < 0 else f"the first {n}"
