"""Chosen dataset and run: the address of every page names them, and links carry them on."""

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st

from tl_core.errors import UnknownDataset, UnknownRun
from tl_ui.owners import own_first
from tl_ui.resources import get_workspace

_DRAWN = "query-drawn"
"""Session key of the parameters that the page was last drawn from."""


def chosen() -> dict[str, str]:
    """Return the parameters `dataset` and `run` of the address, as far as they exist.

    They are kept in the address alone, so that a reload and another tab show the same, and two
    tabs do not disturb each other. A run stands for its dataset too, unless the address names
    another one.
    """
    found = {}
    if dataset_id := _known_dataset(st.query_params.get("dataset", "")):
        found["dataset"] = dataset_id
    if wanted := st.query_params.get("run", ""):
        try:
            run = get_workspace().store.get_run(wanted)
        except UnknownRun:
            return found
        dataset_id = found.get("dataset") or _known_dataset(run.config.data.dataset_id)
        found = {"dataset": dataset_id, "run": run.id} if dataset_id else {"run": run.id}
    return found


def chosen_or_newest() -> dict[str, str]:
    """Return the chosen dataset and run; without a chosen dataset, the newest, rather one's own."""
    carried = chosen()
    if "dataset" not in carried and (datasets := get_workspace().store.list_datasets()):
        return {"dataset": own_first(datasets)[0].id, **carried}
    return carried


def carry(carried: Mapping[str, str], query: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a link: its own, and those of the choice that they leave valid.

    Args:
        carried: dataset and run of the page that the link is on.
        query: parameters of the link itself.
    """
    if "run" in query or query.get("dataset", carried.get("dataset")) != carried.get("dataset"):
        return dict(query)
    return {**carried, **query}


def choose(parameter: str, value: str) -> None:
    """Make a dataset or run the chosen one, in the address."""
    spoke_of_former = {"dataset": ("import", "run"), "run": ("dataset",)}
    kept = {
        name: text
        for name, text in st.query_params.to_dict().items()
        if name not in spoke_of_former[parameter]
    }
    st.query_params.from_dict({**kept, parameter: value})


def note_address() -> dict[str, str]:
    """Note the parameters that the page is being drawn from; return the former ones."""
    now = st.query_params.to_dict()
    former: dict[str, str] = st.session_state.get(_DRAWN, now)
    st.session_state[_DRAWN] = now
    return former


def draw_again() -> NoReturn:
    """Draw the whole page again, from a fragment that refreshes by itself.

    The browser may have asked for the refresh a moment before it took a new address: the page
    would flip back to the former choice.
    """
    drawn = st.session_state.get(_DRAWN)
    if drawn is not None and st.query_params.to_dict() != drawn:
        st.query_params.from_dict(drawn)
    st.rerun()


def _known_dataset(dataset_id: str) -> str:
    """Return the id if there is such a dataset, else an empty text."""
    if not dataset_id:
        return ""
    try:
        found = get_workspace().store.get_dataset(dataset_id)
    except UnknownDataset:
        return ""
    # The store also finds datasets by name.
    return dataset_id if found.id == dataset_id else ""
