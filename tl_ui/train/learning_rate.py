"""Learning-rate finder on the Train page: a child process runs it, its suggestion can be used."""

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
from tl_ui.explore.features import whose_weights
from tl_ui.job_view import await_result
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.setting_labels import as_text, flat
from tl_ui.train.rate_charts import finding_chart, rate_words
from tl_ui.train.widgets import get_form

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
"""Settings that change the suggestion, beside those of the model; others share the result."""


def show_finder(config: RunConfig) -> None:
    """Show the button, the progress, or the result if anyone has run it for equivalent settings."""
    st.markdown("**Learning-rate finder**", help=GLOSSARY["learning-rate finder"])
    st.caption("Measures which rate suits these images and this network.")
    hint = (
        "Trains a copy for some hundred steps at a rising rate, and throws it away. No run is made."
    )
    result = await_result(arguments(config), place(config), "Find a learning rate", hint)
    if result:
        _show_result(result)


def arguments(config: RunConfig) -> list[str]:
    """Return the arguments of the command `lr-find` with every setting."""
    settings = [f"--set={name}={_plain(value)}" for name, value in flat(config).items()]
    return ["lr-find", config.data.dataset_id, "--json", *settings]


def _plain(value: Any) -> str:
    # The command line reads `true` where Python writes `True`.
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def place(config: RunConfig) -> Path:
    """Return the path of the cached result."""
    values = {
        name: value
        for name, value in flat(config).items()
        if name in _DECIDING or KNOBS[name] == "model"
    }
    deciding = json.dumps(values, sort_keys=True)
    deciding += "".join(whose_weights(deciding, get_workspace()))
    digest = hashlib.sha256(deciding.encode()).hexdigest()[:24]
    # In the dataset's folder, so that results are deleted with it.
    folder = get_workspace().artifacts.dataset_folder(config.data.dataset_id)
    return folder / "explored" / f"rates-{digest}.json"


def _show_result(result: Mapping[str, Any]) -> None:
    suggestion = result["suggestion"]
    chart(finding_chart(result["rates"], result["losses"], suggestion), key="lr-finding")
    st.markdown(literal(str(result["reason"])))
    st.caption(f"Tried on {number_of(result['n'], 'training image')}.")
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
    # A suggestion is not more exact than two figures.
    return as_text(float(f"{rate:.2g}"))


def _use(suggestion: float) -> None:
    """Set the head's rate, and scale that of the stages by the same factor."""
    form = get_form()
    head = _number(form["learning_rate"])
    stages = _number(form["backbone_learning_rate"])
    if head and stages:
        form["backbone_learning_rate"] = _rounded(stages / head * suggestion)
    form["learning_rate"] = _rounded(suggestion)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
