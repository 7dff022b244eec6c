"""The chosen dataset and run stay chosen wherever one goes."""

import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from filled_pages import add_run, dataset, workspace
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.config import make_run_config
from tl_core.facts import RunFacts
from tl_core.records import RunState
from tl_ui.choice import carry

__all__ = ["add_run", "dataset", "workspace"]

PAGES = ("data", "explore", "train", "runs", "optimizers", "try_it", "run", "compare")
NAMES = {"try": "try_it", "": "data"}


def show_page():
    """Draw the menu and a page as the router does."""
    import runpy

    import streamlit as st

    from tl_ui.fields import take_changes
    from tl_ui.navigation import make_pages, show_menu

    page = st.navigation(make_pages(), position="hidden")
    take_changes()
    show_menu(page)
    runpy.run_path(f"pages/{st.session_state['page']}.py")


def open_page(page, **query):
    app = AppTest.from_function(show_page, default_timeout=PATIENCE)
    app.session_state["page"] = page
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def links(app):
    """Return page and parameters of each link, in the order of the page."""
    for link in app.get("page_link"):
        query = {name: values[0] for name, values in parse_qs(link.proto.query_string).items()}
        yield NAMES.get(link.proto.page, link.proto.page), query


def shown(app):
    """Return the ids in the drop-downs of dataset and model, as far as the page has them."""
    return {box.label: box.value for box in app.selectbox if box.label in ("Dataset", "Model")}


@pytest.fixture
def old_run(workspace, dataset, add_run):
    """Make a run with a model on the older of two datasets; newer runs are on the other."""
    run = add_run(1, state=RunState.COMPLETED, tested=True)
    newer = replace(dataset, id="d2", name="Newer", created_at=1.0)
    workspace.store.add_dataset(newer, workspace.store.list_images("d1"), [])
    for _ in range(2):
        other = workspace.store.add_run(make_run_config("d2", {}), "Newer", RunFacts())
        workspace.store.claim_run(other.id)
        workspace.store.update_run(other.id, epochs_done=1, best_epoch=1)
        workspace.artifacts.checkpoint(other.id).parent.mkdir(parents=True)
        workspace.artifacts.checkpoint(other.id).touch()
        workspace.store.finish_run(other.id, RunState.COMPLETED)
    return run


@pytest.mark.parametrize("start", PAGES)
def test_every_link_of_every_page_leads_to_the_same_dataset_and_run(workspace, old_run, start):
    others = [run.id for run in workspace.store.list_runs() if run.id != old_run.id]
    own = {"compare": {"runs": ",".join(others)}, "run": {"run": old_run.id}}
    chosen = {"dataset": "d1", "run": old_run.id}
    app = open_page(start, **own.get(start, chosen), **(chosen if start == "compare" else {}))
    found = list(links(app))
    menu = [page for page, _ in found[:6]]
    assert menu == ["data", "explore", "train", "runs", "try_it", "optimizers"]
    for page, query in found:
        # A comparison's own runs lead to themselves.
        is_compared = start == "compare" and page == "run" and query.get("run") in others
        keeps = chosen.items() <= query.items() or query == {"run": old_run.id}
        assert keeps or is_compared, (page, query)
        if is_compared:
            continue
        # Fields of the list of runs filter it, and choose nothing.
        there = {} if page == "runs" else shown(open_page(page, **query))
        assert there.get("Dataset", "d1") == "d1"
        assert there.get("Model", old_run.id) == old_run.id


def test_without_a_choice_the_links_name_what_the_page_shows(old_run):
    app = open_page("data")
    assert shown(app) == {"Dataset": "d2"}
    # The page of what is stored shows no dataset, and its menu then names the newest one, too.
    assert {query["dataset"] for page, query in links(app) if page != "bin"} == {"d2"}
    components = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    assert ("dataset", "d2") in [(data.get("name"), data.get("value")) for data in components]


@pytest.mark.parametrize("page", ["data", "explore", "train", "optimizers"])
def test_another_choice_changes_the_address_and_all_links_at_once(old_run, page):
    app = open_page(page, dataset="d2")
    next(box for box in app.selectbox if box.label == "Dataset").set_value("d1").run()
    assert not app.exception
    assert app.query_params["dataset"] == "d1"
    assert {query["dataset"] for _, query in links(app)} == {"d1"}


def test_what_a_field_showed_before_a_move_does_not_undo_the_move(workspace, old_run):
    third = replace(workspace.store.get_dataset("d1"), id="d3", name="Third", created_at=2.0)
    workspace.store.add_dataset(third, workspace.store.list_images("d1"), [])
    app = open_page("train", dataset="d2")
    # Two quick moves: the browser still tells the value of the first page with the second address.
    app.query_params["dataset"] = "d3"
    next(box for box in app.selectbox if box.label == "Dataset").set_value("d1").run()
    assert app.query_params["dataset"] == "d3" and shown(app) == {"Dataset": "d3"}


def test_a_model_that_is_chosen_chooses_its_dataset(workspace, old_run):
    app = open_page("try_it", dataset="d2")
    assert workspace.store.get_run(shown(app)["Model"]).config.data.dataset_id == "d2"
    app.selectbox[0].set_value(old_run.id).run()
    assert all(query.get("dataset", "d1") == "d1" for _, query in links(app))


def test_a_run_without_a_model_stays_chosen_and_the_page_says_whose_model_is_shown(
    workspace, add_run, old_run
):
    waiting = add_run(start=False)
    app = open_page("try_it", run=waiting.id)
    assert waiting.id in app.info[0].value and "no model yet" in app.info[0].value
    assert shown(app) == {"Model": old_run.id}
    assert {"dataset": "d1", "run": waiting.id} in [query for _, query in links(app)]


def test_what_is_gone_is_not_carried_on(workspace, old_run):
    workspace.store.delete_run(old_run.id)
    app = open_page("runs", dataset="gone", run=old_run.id)
    assert [query for _, query in links(app)][:6] == [{"dataset": "d2"}] * 6


def test_a_link_replaces_what_its_own_parameters_contradict():
    here = {"dataset": "a", "run": "r"}
    assert carry(here, {"comparison": "c"}) == {**here, "comparison": "c"}
    assert carry(here, {"dataset": "a"}) == here
    assert carry(here, {"dataset": "b"}) == {"dataset": "b"}
    assert carry(here, {"run": "s"}) == {"run": "s"}
