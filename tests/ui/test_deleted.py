"""Deletion in the app: confirmed, undone at once, restored from the bin, or deleted for good."""

import pytest
from filled_pages import add_run, buttons, dataset, links, open_page, words, workspace
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.bin import list_bin
from tl_core.records import RunState
from tl_ui.markdown import literal

__all__ = ["add_run", "dataset", "workspace"]


def show_page():
    """Draw a page below the line with Undo, after this session has deleted something."""
    import runpy

    import streamlit as st

    from tl_ui.deleted import note_deletion, offer_undo
    from tl_ui.navigation import make_pages

    st.navigation(make_pages(), position="hidden")
    if "ids" in st.session_state:
        is_dataset = st.session_state["is_dataset"]
        note_deletion(st.session_state.pop("ids"), "**It**", is_dataset=is_dataset)
    offer_undo()
    runpy.run_path(f"pages/{st.session_state['page']}.py")


def open_after(deleted, page="runs", is_dataset=False):
    app = AppTest.from_function(show_page, default_timeout=PATIENCE)
    app.session_state["ids"] = deleted
    app.session_state["page"] = page
    app.session_state["is_dataset"] = is_dataset
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def run(add_run):
    return add_run(1, state=RunState.COMPLETED, tested=True)


def test_a_deletion_is_undone_by_one_press(workspace, run):
    workspace.store.bin_run(run.id)
    app = open_after([run.id])
    assert "**It** was moved to the bin, kept for 7 days." in words(app)
    buttons(app)["Undo"].click().run()
    assert workspace.store.get_run(run.id) == run and list_bin(workspace) == []
    assert "Undo" not in buttons(app)
    assert [toast.value for toast in app.toast] == ["**It** is back."]


def test_after_a_dataset_was_deleted_the_line_names_the_one_shown_now(workspace, dataset):
    app = open_after([dataset.id], page="data", is_dataset=True)
    shown_now = f"Shown now: **{literal(dataset.name)}**."
    assert f"**It** was moved to the bin, kept for 7 days. {shown_now}" in words(app)
    assert "Shown now" not in words(open_after([dataset.id], page="runs"))
    workspace.store.bin_dataset(dataset.id)
    buttons(app)["Undo"].click().run()
    assert [toast.value for toast in app.toast] == ["**It** is back and shown now."]


def test_the_line_can_be_dismissed_and_the_bin_is_linked(workspace, run):
    workspace.store.bin_run(run.id)
    app = open_after([run.id])
    assert {"Open the bin", "Bin (1)"} <= links(app).keys()
    buttons(app)["Dismiss"].click().run()
    assert "Undo" not in buttons(app) and "Bin (1)" in links(app)


def test_an_undo_after_the_bin_was_emptied_says_so(workspace, run):
    workspace.store.bin_run(run.id)
    app = open_after([run.id])
    workspace.store.delete_binned(workspace.store.list_bin()[0])
    buttons(app)["Undo"].click().run()
    assert run.id in app.error[0].value and "7 days" in app.error[0].value


def test_the_bin_shows_what_it_holds_and_restores_it(workspace, dataset, run):
    workspace.store.bin_run(run.id)
    workspace.store.bin_dataset(dataset.id)
    app = open_page("bin")
    said = words(app)
    assert run.id in said and dataset.id in said and "still take" in said
    sizes = [entry.n_bytes for entry in list_bin(workspace)]
    assert all(n_bytes > 0 for n_bytes in sizes[:1])
    app.button(key=f"restore-run-{run.id}").click().run()
    assert workspace.store.get_run(run.id) == run
    app.button(key=f"restore-dataset-{dataset.id}").click().run()
    assert workspace.store.list_datasets() == [dataset]
    assert "The bin is empty" in words(app)


def test_the_address_of_a_run_in_the_bin_leads_to_the_bin(workspace, run):
    workspace.store.bin_run(run.id)
    app = open_page("run", run=run.id)
    assert "in the bin and can be restored" in words(app)
    assert "Open the bin" in links(app)


@pytest.mark.parametrize("page", ["data", "train", "explore", "optimizers", "runs", "try_it"])
def test_what_is_in_the_bin_is_offered_nowhere(workspace, dataset, run, page):
    workspace.store.bin_run(run.id)
    workspace.store.bin_dataset(dataset.id)
    app = open_page(page)
    offered = [option for box in app.selectbox for option in box.options]
    assert not any("Pets" in option for option in offered)
    assert run.id not in words(app) and "Pets" not in words(app)
