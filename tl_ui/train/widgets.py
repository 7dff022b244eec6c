"""Every setting of a run as a widget: its label, its kind, what it depends on, what is wrong with it.

The form is one dictionary in the session, by setting, of what stands in the fields: text for numbers and lists, so
that a wrong value stays to be seen and is told, where a number field would quietly keep the one before.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Literal

import streamlit as st
from pydantic import ValidationError

from tl_core.config import KNOBS, SECTIONS, RunConfig, knob_help, say_what_is_legal
from tl_core.presets import ANY_DATASET, PRESETS
from tl_ui.fields import field
from tl_ui.markdown import literal

LABELS = {
    "weights": "Start from",
    "image_size": "Image size in pixels",
    "frozen_layers": "Frozen layers, by Keras' count",
    "frozen_names": "Frozen by name",
    "batch_norm": "BatchNorm in frozen stages",
    "hidden_units": "Hidden layers",
    "val_fraction": "Share for validation",
    "test_fraction": "Share for the test",
    "accumulate": "Batches to a step",
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
    "class_balance": "Uneven classes",
    "l2_sp": "Pull to the start (L2-SP)",
    "mixup": "Mixup",
    "cutmix": "CutMix",
    "early_stopping": "Early stopping, patience",
    "min_delta": "Early stopping, least gain",
    "ema": "Average of the weights (EMA)",
    "clip_norm": "Gradient clipping",
    "views": "Views of each image to keep",
    "feature_precision": "Precision of what is kept",
    "crop": "Random crop keeps at least",
    "flip": "Mirror left and right",
    "vertical_flip": "Turn upside down",
    "rotation": "Rotation, degrees",
    "colour": "Colour",
    "erasing": "Random erasing",
    "policy": "Ready-made recipe",
}
"""Where the setting's own name is no good label."""

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
"""What to call a value of a choice where it does not speak for itself."""

IN_SIGHT = ("backbone", "pretrained", "weights", "frozen_stages", "epochs")
"""The settings that stand on the page at once; those of `GROUPS` are folded away."""
GROUPS: dict[str, tuple[str, ...]] = {
    "Freezing & recipe": (
        *("unfreeze", "head_epochs", "fine_tune_rate", "unfreeze_every"),
        *("frozen_layers", "frozen_names", "batch_norm", "image_size"),
        *("views", "feature_precision"),
    ),
    "Head": ("hidden_units", "dropout", "output"),
    "Optimizer & schedule": (
        *("optimizer", "momentum", "learning_rate", "backbone_learning_rate", "layer_decay"),
        *("batch_size", "accumulate", "clip_norm"),
        *("schedule", "warm_up", "step_epochs", "decay", "plateau_patience"),
    ),
    "Loss & regularisation": (
        *("loss", "focal_gamma", "label_smoothing", "class_balance", "weight_decay", "l2_sp"),
        *("mixup", "cutmix", "early_stopping", "min_delta", "ema"),
    ),
    "Augmentation": tuple(SECTIONS["augment"].model_fields),
    "Data & seed": ("seed", "val_fraction", "test_fraction", "split_seed"),
}

Form = dict[str, Any]


def _one_of(name: str, *values: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda form: form[name] in values


def _learns(form: Mapping[str, Any]) -> bool:
    return form["frozen_stages"] != "all" or str(form["frozen_layers"]).strip() != ""


def _keeps(form: Mapping[str, Any]) -> bool:
    mixes = any(str(form[name]).strip() not in ("", "0", "0.0") for name in ("mixup", "cutmix"))
    return (
        form["pretrained"]
        and not mixes
        and (form["frozen_stages"] != 0 or str(form["frozen_layers"]).strip() != "")
    )


USED = {
    "momentum": (
        _one_of("optimizer", "momentum", "nesterov", "rmsprop"),
        "not used by this optimizer",
    ),
    "head_epochs": (_one_of("unfreeze", "two-phase", "gradual"), "only when unfreezing"),
    "fine_tune_rate": (_one_of("unfreeze", "two-phase"), "only with two phases"),
    "unfreeze_every": (_one_of("unfreeze", "gradual"), "only when gradual"),
    "step_epochs": (_one_of("schedule", "step"), "only with step"),
    "decay": (_one_of("schedule", "step", "exponential", "plateau"), "not with this schedule"),
    "plateau_patience": (_one_of("schedule", "plateau"), "only with plateau"),
    "warm_up": (
        _one_of("schedule", "constant", "step", "exponential", "cosine"),
        "not with this schedule",
    ),
    "focal_gamma": (_one_of("loss", "focal"), "only with focal loss"),
    "min_delta": (
        lambda form: str(form["early_stopping"]).strip() not in ("", "0"),
        "only with early stopping",
    ),
    "l2_sp": (
        lambda form: form["pretrained"] and _learns(form),
        "only when pretrained stages learn",
    ),
    "backbone_learning_rate": (_learns, "all stages are frozen"),
    "layer_decay": (_learns, "all stages are frozen"),
    "batch_norm": (
        lambda form: form["pretrained"] and form["frozen_stages"] != 0,
        "nothing is frozen",
    ),
    "frozen_layers": (lambda form: form["pretrained"], "only with pretrained weights"),
    "frozen_names": (lambda form: form["pretrained"], "only with pretrained weights"),
    "unfreeze": (lambda form: form["pretrained"], "only with pretrained weights"),
    "views": (_keeps, "nothing is kept: nothing is frozen, or images are mixed"),
    "feature_precision": (_keeps, "nothing is kept: nothing is frozen, or images are mixed"),
}
"""When a setting has an effect, and the word why not where it has none."""


def label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


@cache
def kind(name: str) -> Literal["switch", "choice", "text"]:
    """Which widget a setting takes."""
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


def as_text(value: Any) -> str:
    """A number, a list or nothing as it stands in a field."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def flat(config: RunConfig) -> dict[str, Any]:
    """Every setting's value, by name."""
    return {name: getattr(getattr(config, section), name) for name, section in KNOBS.items()}


def as_form(config: RunConfig) -> Form:
    """What stands in the fields for these settings."""
    return {
        name: as_text(value) if kind(name) == "text" and name != "frozen_stages" else value
        for name, value in flat(config).items()
    }


def check(name: str, value: Any) -> str:
    """What is wrong with a value by itself, in one sentence; nothing when it is possible."""
    section = SECTIONS[KNOBS[name]]
    if value == "" and section.model_fields[name].default is None:
        return ""
    given = {"dataset_id": ANY_DATASET} if KNOBS[name] == "data" else {}
    try:
        section.model_validate({**given, name: value})
    except ValidationError as error:
        if error.errors()[0]["loc"]:
            return say_what_is_legal(section, error, name, called=label(name))
    return ""


def mistakes(form: Mapping[str, Any]) -> dict[str, str]:
    """Sentences on the values that are not possible, by setting."""
    found = {name: check(name, form[name]) for name in KNOBS}
    return {name: sentence for name, sentence in found.items() if sentence}


def value_words(name: str, value: Any) -> str:
    """A value in a sentence. May hold user text."""
    if name == "frozen_stages":
        if value in ("all", 0):
            return "all" if value == "all" else "none"
        return f"all but the last {-value}" if value < 0 else f"the first {value}"
    if isinstance(value, bool):
        return "on" if value else "off"
    if kind(name) == "choice":
        return choice_words(value)
    return as_text(value) or (
        "none" if name in ("hidden_units", "frozen_names", "frozen_layers") else "automatic"
    )


# The form of this session


def get_form() -> Form:
    form: Form = st.session_state.setdefault(
        "train-form", as_form(PRESETS["feature-extraction"].config)
    )
    return form


def fill_form(config: RunConfig) -> None:
    """Put a run's or preset's settings into all fields."""
    st.session_state["train-form"] = as_form(config)


def knob_key(name: str) -> str:
    return f"knob-{name}"


def knob(name: str, *, wrong: str | None = None, then: Callable[[], None] | None = None) -> None:
    """The setting's widget, and below it what is wrong with its value.

    Args:
        wrong: a sentence that is known already.
        then: called when the form has taken a new value.
    """
    form = get_form()
    wrong = check(name, form[name]) if wrong is None else wrong
    is_used, why = USED.get(name, (lambda _: True, ""))
    unused = not is_used(form)
    common: dict[str, Any] = {
        "label": f"{label(name)} ({why})" if unused else label(name),
        "key": field(knob_key(name), form[name], partial(_take, name, then)),
        "help": literal(knob_help(name)),
        "disabled": unused and not wrong,  # a wrong value must stay within reach
    }
    if kind(name) == "switch":
        st.toggle(**common)
    elif kind(name) == "choice":
        st.selectbox(options=choices(name), format_func=choice_words, **common)
    else:
        st.text_input(placeholder=_placeholder(name), autocomplete="off", **common)
    if wrong:
        st.error(literal(wrong))


def _take(name: str, then: Callable[[], None] | None, value: Any) -> None:
    get_form()[name] = value
    if then:
        then()


def _placeholder(name: str) -> str | None:
    if name in ("hidden_units", "frozen_names", "frozen_layers"):
        return "none"
    return "automatic" if SECTIONS[KNOBS[name]].model_fields[name].default is None else None
