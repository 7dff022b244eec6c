"""Widgets of the Train form: one per setting, with its conditions and the check of its value.

The form is a dictionary in the session that maps each setting to the value of its field. Numbers
and lists are text, so that an invalid value stays visible and gets a message; Streamlit's number
field would silently return to the previous value.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st
from pydantic import ValidationError

from tl_core.config import KNOBS, SECTIONS, RunConfig, knob_help, say_what_is_legal
from tl_core.presets import ANY_DATASET, PRESETS
from tl_ui.fields import field, place
from tl_ui.markdown import literal
from tl_ui.setting_labels import as_text, choice_words, choices, empty_words, flat, kind, label

IN_SIGHT = ("backbone", "pretrained", "weights", "frozen_stages", "epochs")
"""Settings that are always visible; those of `GROUPS` are folded away."""
AUGMENTATION = "Data augmentation"
FREEZING = "Freezing & fine-tuning"
GROUPS: dict[str, tuple[str, ...]] = {
    FREEZING: (
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
    AUGMENTATION: tuple(SECTIONS["augment"].model_fields),
    "Data split & seed": ("seed", "val_fraction", "test_fraction", "split_seed"),
}

Form = dict[str, Any]
Condition = Callable[[Mapping[str, Any]], bool]


def _one_of(name: str, *values: str) -> Condition:
    return lambda form: form[name] in values


def _is_positive(form: Mapping[str, Any], name: str) -> bool:
    # Compared as text, since the field may hold what is no number.
    return _text(form, name) not in ("", "0", "0.0")


def _text(form: Mapping[str, Any], name: str) -> str:
    return str(form[name]).strip()


def _is_pretrained(form: Mapping[str, Any]) -> bool:
    return bool(form["pretrained"])


def _trains_stages(form: Mapping[str, Any]) -> bool:
    # A number of frozen layers takes the place of the stages.
    return form["frozen_stages"] != "all" or _text(form, "frozen_layers") != ""


def _caches_activations(form: Mapping[str, Any]) -> bool:
    # Mixed images are new ones in every epoch, so their activations cannot be cached.
    mixes = _is_positive(form, "mixup") or _is_positive(form, "cutmix")
    is_frozen = form["frozen_stages"] != 0 or _text(form, "frozen_layers") != ""
    return _is_pretrained(form) and is_frozen and not mixes


_NOT_CACHED = "nothing is cached: nothing is frozen, or images are mixed"
_ONLY_PRETRAINED = "only with pretrained weights"
_ALL_FROZEN = "all stages are frozen"
_OTHER_SCHEDULE = "not with this schedule"

USED: dict[str, tuple[Condition, str]] = {
    "momentum": (
        _one_of("optimizer", "momentum", "nesterov", "rmsprop"),
        "not used by this optimizer",
    ),
    "head_epochs": (_one_of("unfreeze", "two-phase", "gradual"), "only when unfreezing"),
    "fine_tune_rate": (_one_of("unfreeze", "two-phase"), "only with two phases"),
    "unfreeze_every": (_one_of("unfreeze", "gradual"), "only when gradual"),
    "step_epochs": (_one_of("schedule", "step"), "only with step"),
    "decay": (_one_of("schedule", "step", "exponential", "plateau"), _OTHER_SCHEDULE),
    "plateau_patience": (_one_of("schedule", "plateau"), "only with plateau"),
    "warm_up": (_one_of("schedule", "constant", "step", "exponential", "cosine"), _OTHER_SCHEDULE),
    "focal_gamma": (_one_of("loss", "focal"), "only with focal loss"),
    "min_delta": (
        lambda form: _text(form, "early_stopping") not in ("", "0"),
        "only with early stopping",
    ),
    "l2_sp": (
        lambda form: _is_pretrained(form) and _trains_stages(form),
        "only when pretrained stages learn",
    ),
    "backbone_learning_rate": (_trains_stages, _ALL_FROZEN),
    "layer_decay": (_trains_stages, _ALL_FROZEN),
    "batch_norm": (
        lambda form: _is_pretrained(form) and form["frozen_stages"] != 0,
        "nothing is frozen",
    ),
    "frozen_layers": (_is_pretrained, _ONLY_PRETRAINED),
    "frozen_names": (_is_pretrained, _ONLY_PRETRAINED),
    "unfreeze": (_is_pretrained, _ONLY_PRETRAINED),
    "views": (_caches_activations, _NOT_CACHED),
    "feature_precision": (_caches_activations, _NOT_CACHED),
}
"""Condition under which a setting has an effect, and the reason to show when it has none."""


def as_form(config: RunConfig) -> Form:
    """Return the values of the fields for these settings."""
    return {
        # The frozen stages are set in the drawing of the network, not as text.
        name: as_text(value) if kind(name) == "text" and name != "frozen_stages" else value
        for name, value in flat(config).items()
    }


def get_form() -> Form:
    form: Form = st.session_state.setdefault(
        "train-form", as_form(PRESETS["feature-extraction"].config)
    )
    return form


def fill_form(config: RunConfig) -> None:
    """Put a run's or preset's settings into all fields."""
    st.session_state["train-form"] = as_form(config)


def check(name: str, value: Any) -> str:
    """Return one sentence on an invalid value; "" if the value alone is valid."""
    section = SECTIONS[KNOBS[name]]
    # An empty field stands for None, but an empty string would be refused.
    if value == "" and section.model_fields[name].default is None:
        return ""
    # The section needs a dataset, which is not among the fields.
    required = {"dataset_id": ANY_DATASET} if KNOBS[name] == "data" else {}
    try:
        section.model_validate({**required, name: value})
    except ValidationError as error:
        # Errors without a location concern several settings at once, not this value.
        if error.errors()[0]["loc"]:
            return say_what_is_legal(section, error, name, called=label(name))
    return ""


def mistakes(form: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each setting with an invalid value."""
    sentences = {name: check(name, form[name]) for name in KNOBS}
    return {name: sentence for name, sentence in sentences.items() if sentence}


def knob_key(name: str) -> str:
    return f"knob-{name}"


def knob(name: str, *, wrong: str | None = None, then: Callable[[], None] | None = None) -> None:
    """Show the setting's widget, and below it the message on an invalid value.

    Args:
        wrong: result of `check`, if it is known already.
        then: called when the form has taken a new value.
    """
    form = get_form()
    if wrong is None:
        wrong = check(name, form[name])
    is_used, reason = USED.get(name, (lambda _: True, ""))
    unused = not is_used(form)
    common: dict[str, Any] = {
        "label": f"{label(name)} ({reason})" if unused else label(name),
        "key": field(knob_key(name), form[name], partial(_take, name, then)),
        "help": literal(knob_help(name)),
        # An invalid value blocks training, so it must stay editable.
        "disabled": unused and not wrong,
    }
    if kind(name) == "switch":
        st.toggle(value=form[name], **common)
    elif kind(name) == "choice":
        options = choices(name)
        index = place(options, form[name])
        st.selectbox(options=options, index=index, format_func=choice_words, **common)
    else:
        st.text_input(
            value=form[name], placeholder=_placeholder(name), autocomplete="off", **common
        )
    if wrong:
        st.error(literal(wrong))


def _take(name: str, then: Callable[[], None] | None, value: Any) -> None:
    get_form()[name] = value
    if then:
        then()


def _placeholder(name: str) -> str | None:
    words = empty_words(name)
    may_be_empty = SECTIONS[KNOBS[name]].model_fields[name].default is None
    return words if words == "none" or may_be_empty else None
