"""The learning-rate finder on the Train page: a child process measures, and its suggestion can be taken over."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.config import KNOBS, RunConfig
from tl_core.glossary import GLOSSARY
from tl_core.text import number_of
from tl_ui.components.live_chart import chart
from tl_ui.job_view import await_result
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.plan_charts import finding_chart, rate_words
from tl_ui.train.widgets import as_text, flat, get_form

_DECIDING = (
    "seed",
    "optimizer",
    "momentum",
    "batch_size",
    "accumulate",
    "loss",
    "class_balance",
    "mixup",
    "cutmix",
)
"""Beside the model: runs that differ in nothing of this have the same good rates."""


def show_finder(config: RunConfig) -> None:
    """The button, the way it goes, and what was found, by anybody, for settings that do not change it."""
    st.markdown("**Let it be measured**", help=GLOSSARY["learning-rate finder"])
    hint = (
        "Trains a copy for some hundred steps at a rising rate, and throws it away. No run is made."
    )
    if found := await_result(arguments(config), place(config), "Find a learning rate", hint):
        _show_finding(found)


def arguments(config: RunConfig) -> list[str]:
    """Of our command line: every setting, as it is."""
    settings = [f"--set={name}={_plain(value)}" for name, value in flat(config).items()]
    return ["lr-find", config.data.dataset_id, "--json", *settings]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def place(config: RunConfig) -> Path:
    """Where its finding is kept."""
    values = {
        name: value
        for name, value in flat(config).items()
        if name in _DECIDING or KNOBS[name] == "model"
    }
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]
    return (
        get_workspace().artifacts.dataset_folder(config.data.dataset_id)
        / "explored"
        / f"rates-{digest}.json"
    )


def _show_finding(found: Mapping[str, Any]) -> None:
    suggestion = found["suggestion"]
    chart(finding_chart(found["rates"], found["losses"], suggestion), key="lr-finding")
    st.markdown(literal(str(found["reason"])))
    st.caption(f"Tried on {number_of(found['n'], 'training image')}.")
    if suggestion and get_form()["learning_rate"] == _rounded(suggestion):
        st.markdown(":material/check: This rate is set.")
    elif suggestion:
        st.button(
            f"Use {rate_words(suggestion)}",
            icon=":material/check:",
            on_click=_use,
            args=(suggestion,),
        )


def _rounded(rate: float) -> str:
    return as_text(float(f"{rate:.2g}"))


def _use(suggestion: float) -> None:
    """The rate of the stages keeps its share of the head's."""
    form = get_form()
    head, stages = (_number(form[name]) for name in ("learning_rate", "backbone_learning_rate"))
    if head and stages:
        form["backbone_learning_rate"] = _rounded(stages / head * suggestion)
    form["learning_rate"] = _rounded(suggestion)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
