"""Form of the Optimizers page, which queues one run per optimizer."""

import secrets
from collections.abc import Sequence
from typing import Any

import streamlit as st

from tl_core.backbones import list_backbones
from tl_core.config import DEFAULT_BACKBONE, make_run_config
from tl_core.errors import TransferLabError
from tl_core.facts import RunFacts
from tl_core.glossary import GLOSSARY
from tl_core.records import DatasetRecord
from tl_core.training.optimizers import DEFAULT_LEARNING_RATES
from tl_ui.dataset_view import choose_dataset
from tl_ui.markdown import literal
from tl_ui.optimizers.curves import LOOKS
from tl_ui.resources import get_runner, get_workspace
from tl_ui.setting_labels import choice_words

_DEPTHS = {
    "all": "The head only (quick)",
    -1: "The head and the last stage",
    -2: "The head and the last two stages",
    0: "Everything",
}


def choose_and_start(datasets: Sequence[DatasetRecord]) -> None:
    """Show the form and the button that queues one run per optimizer."""
    titles = {b.name: b.title for b in list_backbones()}
    left, right = st.columns(2, gap="large")
    with left:
        dataset_id = choose_dataset(datasets).id
        backbone = st.selectbox(
            "Backbone",
            list(titles),
            list(titles).index(DEFAULT_BACKBONE),
            format_func=titles.__getitem__,
            help=GLOSSARY["backbone"],
        )
        depth = st.selectbox(
            "Trained part", list(_DEPTHS), format_func=_DEPTHS.__getitem__, help=GLOSSARY["freeze"]
        )
    with right, st.container(horizontal=True):
        epochs = st.number_input("Epochs", 1, 100, 5, help=GLOSSARY["epoch"])
        seed = st.number_input("Seed", 0, 2**32 - 1, 0, help=GLOSSARY["seed"])
    with right:
        rate = _choose_rate()
    settings = {
        "backbone": backbone,
        "frozen_stages": depth,
        "epochs": epochs,
        "seed": seed,
        # Without augmentation the runs share the cached activations of frozen stages.
        "augment": "none",
    }
    if rate:
        settings["learning_rate"] = rate
    if st.button("Compare the eight optimizers", type="primary", icon=":material/play_arrow:"):
        _start(dataset_id, settings)
    st.caption(
        "Queues eight runs, one after the other, with the same images, split, seed and settings, "
        "and without augmentation; only the optimizer differs."
    )


def _choose_rate() -> float | None:
    """Choose one rate for all optimizers, or None for the default of each."""
    own = st.radio(
        "Learning rate of the head",
        [True, False],
        format_func={True: "Each optimizer's own default", False: "The same for all"}.__getitem__,
        help=GLOSSARY["learning rate"],
    )
    if not own:
        return st.number_input("Learning rate", 1e-6, 10.0, 0.01, step=0.001, format="%.6g")
    rates = ", ".join(f"{choice_words(name)} {DEFAULT_LEARNING_RATES[name]:g}" for name in LOOKS)
    st.caption(f"{rates}.")
    return None


def _start(dataset_id: str, settings: dict[str, Any]) -> None:
    try:
        with st.spinner("Queueing eight runs…", show_time=False):
            comparison_id = queue_comparison(dataset_id, settings)
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.query_params["comparison"] = comparison_id
    st.rerun()


def queue_comparison(dataset_id: str, settings: dict[str, Any]) -> str:
    """Queue one run per optimizer; return the id that they share as the fact `comparison`.

    Raises:
        TransferLabError: such a run cannot be queued.
    """
    comparison_id = secrets.token_hex(4)
    store = get_workspace().store
    queued: list[str] = []
    try:
        for name in LOOKS:
            run = get_runner().submit(make_run_config(dataset_id, {**settings, "optimizer": name}))
            queued.append(run.id)
            store.update_run(run.id, facts=RunFacts(comparison=comparison_id))
    except TransferLabError:
        # Some of the eight compare nothing.
        for run_id in queued:
            store.request_cancel(run_id)
            store.bin_run(run_id)
        raise
    return comparison_id
