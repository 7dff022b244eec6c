"""Runs that are compared: which they are, their names and their differing settings."""

from collections.abc import Sequence

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.records import Run
from tl_core.runs.comparison import MOST_COMPARED, what_differs
from tl_core.runs.summary import backbone_title
from tl_core.text import shorten, visible
from tl_ui.markdown import literal
from tl_ui.navigation import link
from tl_ui.resources import get_workspace
from tl_ui.setting_labels import label, value_words

_LABEL_LENGTH = 40
"""Most characters of a label; a legend has no room for more on a phone."""
_MOST_IN_LABEL = 3
"""Most settings in a label."""
_SHORT_FROZEN = {"all": "all frozen", "none": "none frozen"}
"""Frozen stages in a label, by their value in words."""


def open_comparison() -> list[Run]:
    """Return the runs that the address names; with fewer than two, explain the page and end it."""
    # Without duplicates, in the order of the address.
    wanted = list(dict.fromkeys(filter(None, st.query_params.get("runs", "").split(","))))
    runs = []
    missing = []
    for run_id in wanted[:MOST_COMPARED]:
        try:
            runs.append(get_workspace().store.get_run(run_id))
        except TransferLabError:
            missing.append(run_id)
    if missing:
        names = ", ".join(f"**{literal(shorten(run_id, 20))}**" for run_id in missing)
        st.warning(f"There is no run {names}: it may have been deleted.", icon=":material/error:")
    if len(wanted) > MOST_COMPARED:
        st.warning(
            f"{len(wanted)} runs are too many: the first {MOST_COMPARED} are shown.",
            icon=":material/error:",
        )
    if len(runs) < 2:
        st.markdown(
            f"Here two to {MOST_COMPARED} runs are compared side by side. "
            "Tick them in the list of runs."
        )
        link("runs", "Choose runs", icon=":material/list:", primary_key="choose")
        st.stop()
    return runs


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return a different label for each run, by id: its title, else what sets it apart.

    Labels are user text.
    """
    names = _names(runs)
    return {
        # The id makes equal names different; 28 characters leave room for it.
        run.id: name if names.count(name) == 1 else f"{shorten(name, 28)} ({run.id})"
        for run, name in zip(runs, names, strict=True)
    }


def _names(runs: Sequence[Run]) -> list[str]:
    """Name runs by the fewest differing settings that tell most of them apart."""
    differ = list(differing(runs).items())[:_MOST_IN_LABEL]
    candidates = []
    for n in range(len(differ) + 1):
        names = []
        for place, run in enumerate(runs):
            settings = ", ".join(_value(name, words[place]) for name, words in differ[:n])
            name = run.title or settings or run.dataset_name
            # Not escaped: tables, charts and Markdown each do that in their own way.
            names.append(visible(shorten(name, _LABEL_LENGTH)))
        candidates.append(names)
    # `max` keeps the first of equals, which has the fewest settings.
    return max(candidates, key=lambda names: len(set(names)))


def _value(name: str, words: str) -> str:
    """Return a value with the name of its setting, unless the value speaks for itself."""
    if name == label("frozen_stages"):
        return _SHORT_FROZEN.get(words) or _frozen_in_short(words)
    return words if name in ("Dataset", "Backbone") else f"{name.lower()} {words}"


def _frozen_in_short(words: str) -> str:
    last = words.removeprefix("all but the ")
    return f"{words.removeprefix('the ')} frozen" if last == words else f"{last} trained"


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return every run's value in words, by setting, where they differ; both are user text."""
    differ = {}
    for name, values in what_differs(runs).items():
        # An id is a fingerprint, which says nothing to a reader.
        if name == "dataset_id":
            differ["Dataset"] = [visible(run.dataset_name) for run in runs]
        elif name == "backbone":
            differ["Backbone"] = [visible(backbone_title(run.config.model)) for run in runs]
        else:
            differ[label(name)] = [value_words(name, value) for value in values]
    return differ
