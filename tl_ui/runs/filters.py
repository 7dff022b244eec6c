"""Search, filters and order of the list of runs, which are kept in the page's address."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from tl_core.records import RunState
from tl_core.runs.summary import title_of
from tl_core.store import RunSummary
from tl_core.text import isolated, natural_key
from tl_ui.address_select import unless_moved
from tl_ui.fields import field, place, take_changes
from tl_ui.owners import OPERATOR_WORD, owners_of
from tl_ui.run.annotations import run_title
from tl_ui.run.overview import STATES

_ALL = ""


def _best_first(accuracy: float | None) -> float:
    """Return the key that puts the highest accuracy first and runs without one last."""
    return 1 if accuracy is None else -accuracy


_ORDERS: dict[str, tuple[str, Callable[[RunSummary], Any] | None]] = {
    _ALL: ("Newest first", None),
    "accuracy": ("Test accuracy", lambda run: _best_first(run.test_accuracy)),
    "validation": ("Validation accuracy", lambda run: _best_first(run.val_accuracy)),
    "name": ("Name", lambda run: natural_key(run_title(run).casefold())),
}


def choose_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Draw search and filters; return the runs that pass them, favourites first."""
    # The router has done so already; here it serves pages that are drawn without it.
    take_changes()
    datasets = {run.dataset_id: isolated(run.dataset_name) for run in reversed(runs)}
    backbones = {name: title_of(name) for name in dict.fromkeys(run.backbone for run in runs)}
    present = {run.state for run in runs}
    states = {state.value: STATES[state][0] for state in RunState if state in present}
    tags = {tag: isolated(tag) for tag in sorted({tag for run in runs for tag in run.tags})}
    owners = owners_of(run.owner for run in runs)
    people = {owner or OPERATOR_WORD: name for owner, name in sorted(owners.items(), key=_by_name)}
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        text = _search()
        owner = _select("Person", "of", people) if people else _ALL
        dataset = _select("Dataset", "of-dataset", datasets)
        backbone = _select("Backbone", "backbone", backbones)
        state = _select("State", "state", states)
        tag = _select("Tag", "tag", tags) if tags else _ALL
        order = _select("Order", "order", {name: words for name, (words, _) in _ORDERS.items()})
    found = [
        run
        for run in runs
        if owner in (_ALL, run.owner or OPERATOR_WORD)
        and dataset in (_ALL, run.dataset_id)
        and backbone in (_ALL, run.backbone)
        and state in (_ALL, run.state.value)
        and (tag == _ALL or tag in run.tags)
        and matches(run, text)
    ]
    return in_order(sorted_by(found, order))


def _by_name(entry: tuple[str, str]) -> Any:
    return natural_key(entry[1].casefold())


def matches(run: RunSummary, text: str) -> bool:
    """Return whether each word of the text is in the run's name, id, dataset, tags or note."""
    texts = (run.title, run.id, run.dataset_name, run.note, title_of(run.backbone))
    everything = "\n".join([*texts, *run.tags]).casefold()
    return all(word in everything for word in text.casefold().split())


def sorted_by(runs: Sequence[RunSummary], order: str) -> list[RunSummary]:
    """Return the runs in one of the orders; those without the figure come last."""
    key = _ORDERS[order][1]
    return sorted(runs, key=key) if key else list(runs)


def in_order(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Return favourites first and otherwise keep the order."""
    # `sorted` is stable, so that both groups keep the order they come in.
    return sorted(runs, key=lambda run: not run.is_favourite)


def _search() -> str:
    text = st.query_params.get("search", "")
    take = unless_moved("search", text, partial(_take, "search"))
    key = field("runs-search", text, take)
    st.text_input(
        "Search", text, key=key, icon=":material/search:", placeholder="Name, tag, note …"
    )
    return text


def _select(label: str, parameter: str, names: Mapping[str, str]) -> str:
    """Draw a drop-down for a parameter of the address and return what it lets pass; "" for all."""
    options = dict(names) if _ALL in names else {_ALL: "All", **names}
    wanted = st.query_params.get(parameter, _ALL)
    shown = wanted if wanted in options else _ALL
    take = unless_moved(parameter, shown, partial(_take, parameter))
    key = field(f"runs-{parameter}", shown, take)
    values = list(options)
    st.selectbox(label, values, place(values, shown), format_func=options.__getitem__, key=key)
    return shown


def _take(parameter: str, value: str) -> None:
    if value:
        st.query_params[parameter] = value
    else:
        st.query_params.pop(parameter, None)
