"""Menu, links and the browser's own keys in a real browser: the address is what is shown."""

import re

import pytest
from browsing import complaints, opened
from making_runs import TINY, import_folder, make_colours, run_config
from playwright.sync_api import expect

from tl_core.locks import hold_lock
from tl_core.records import Progress, RunState

MENU = ("Explore", "Train", "Learn", "Data")
"""Pages with a choice of the dataset."""


@pytest.fixture(scope="module")
def older(workspace, tmp_path_factory):
    """Import two datasets and return the one that is not offered first."""
    dataset = import_folder(workspace, make_colours(tmp_path_factory.mktemp("given") / "older"))
    import_folder(workspace, make_colours(tmp_path_factory.mktemp("given") / "newer", 4))
    return dataset


@pytest.fixture
def tabs(browser, server, older):
    """Yield two tabs of one browser."""
    with opened(browser, server) as page:
        yield page, page.context.new_page()


def expect_dataset(page, name):
    chosen = page.get_by_role("combobox", name="Dataset", exact=True)
    expect(chosen).to_have_value(re.compile(rf"^{name}\b"))


def expect_address(page, path, **query):
    parts = "".join(f"(?=.*[?&]{name}={value}(&|$))" for name, value in query.items())
    expect(page).to_have_url(re.compile(f"^[^?]*/{path}{parts}"))


def follow(page, name):
    page.get_by_role("link", name=name, exact=True).click()


def test_the_menu_keeps_the_dataset_and_two_tabs_do_not_disturb_each_other(tabs, older):
    first, second = tabs
    said = complaints(first)
    first.goto("/")
    second.goto("/train")
    expect_dataset(second, "newer")
    first.get_by_role("combobox", name="Dataset").click()
    first.get_by_role("option", name="older").click()
    for name in MENU:
        follow(first, "Runs")
        expect(first.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
        expect_address(first, "runs", dataset=older.id)
        follow(first, name)
        expect_dataset(first, "older")
        follow(second, "Data" if name == "Explore" else name)
        expect_dataset(second, "newer")
    follow(first, "Train a model on these images")
    expect_address(first, "train", dataset=older.id)
    expect_dataset(first, "older")
    # The address alone is enough, in another tab and after a reload.
    second.goto(first.url)
    expect_dataset(second, "older")
    first.reload()
    expect_dataset(first, "older")
    assert said == []


def test_back_and_forward_lead_to_the_pages_in_their_order(tabs, older):
    page, _ = tabs
    page.goto("/explore")
    expect_dataset(page, "newer")
    page.get_by_role("combobox", name="Dataset").click()
    page.get_by_role("option", name="older").click()
    expect_address(page, "explore", dataset=older.id)
    follow(page, "Train")
    # The page before shows the same dataset.
    expect_address(page, "train", dataset=older.id)
    expect_dataset(page, "older")
    for turn in (page.go_back, page.go_forward, page.go_back):
        turn()
        path = "train" if turn == page.go_forward else "explore"
        expect_address(page, path, dataset=older.id)
        # Both pages show the dataset, so that alone would not say which one is drawn.
        heading = "Class separability" if path == "explore" else "Train"
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect_dataset(page, "older")
    page.go_back()
    expect_dataset(page, "newer")


@pytest.fixture
def queue(workspace, server, older):
    """Yield a run that seems to be running and the one that waits for it."""
    store, artifacts = workspace.store, workspace.artifacts
    # The server cannot claim a run meanwhile, nor take the running one for dead.
    with hold_lock(artifacts.claim_lock):
        running, waiting = [store.add_run(run_config(older, TINY), older.name) for _ in range(2)]
        store.claim_run(running.id)
        store.update_run(running.id, progress=Progress("training", 0.5, "", 600.0))
        with hold_lock(artifacts.run_lock(running.id)):
            yield running, waiting
            for run in (running, waiting):
                store.request_cancel(run.id)


def test_the_address_is_the_run_after_a_link_from_one_run_to_another(tabs, workspace, queue):
    page, _ = tabs
    running, waiting = queue

    def expect_run(run, heading):
        expect_address(page, "run", run=run.id)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page.get_by_text(f"run {run.id}")).to_be_visible()

    page.goto(f"/run?run={waiting.id}")
    expect_run(waiting, "Queued")
    follow(page, "See the one that is running")
    expect_run(running, "Running")
    # Only a refresh shows this, and it must be a refresh of the same run.
    progress = Progress("training", 0.5, "epoch 7 of 9", 600.0)
    workspace.store.update_run(running.id, progress=progress)
    expect(page.get_by_text("Epoch 7 of 9")).to_be_visible()
    expect_run(running, "Running")
    page.reload()
    expect_run(running, "Running")
    page.go_back()
    expect_run(waiting, "Queued")
    page.go_forward()
    expect_run(running, "Running")


def test_a_whole_row_opens_its_run_and_back_finds_the_filters_again(tabs, workspace, older):
    page, _ = tabs
    runs = [
        workspace.store.add_run(run_config(older, TINY), older.name, state=RunState.PAUSED)
        for _ in range(2)
    ]
    workspace.store.annotate_run(runs[0].id, title="Wanted")
    page.goto("/runs")
    page.get_by_label("Search").fill("wanted")
    page.get_by_label("Search").press("Enter")
    row = page.get_by_role("row", name="Wanted")
    expect(page.get_by_role("row")).to_have_count(2)
    box = row.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name="Wanted", exact=True)).to_be_visible()
    expect_address(page, "run", run=runs[0].id)
    page.go_back()
    expect_address(page, "runs", search="wanted")
    expect(row).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    for run in runs:
        workspace.store.delete_run(run.id)
