"""Large view of an image, opened by a click wherever a page shows images, in a real browser."""

import re
import shutil
from contextlib import closing, contextmanager
from sqlite3 import connect

import pytest
from browsing import complaints, opened, settled, until
from making_runs import TINY, open_home, run_config
from playwright.sync_api import TimeoutError as TooLate
from playwright.sync_api import expect

from tl_core.locks import hold_lock
from tl_core.records import MetricPoint, Prediction, Progress, RunState


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """Copy the workspace with a tested run, so that a server may write into it."""
    old, home = finished[0].settings.home, tmp_path_factory.mktemp("viewed") / "home"
    shutil.copytree(old, home, ignore=shutil.ignore_patterns("transferlab.db*"))
    # SQLite's backup, since opening and closing the files of an open database drops its locks.
    with (
        closing(connect(old / "transferlab.db")) as source,
        closing(connect(home / "transferlab.db")) as target,
    ):
        source.backup(target)
    return home


@pytest.fixture
def page(browser, server):
    with opened(browser, server) as page:
        said = complaints(page)
        yield page
        assert said == []


def expect_large_view(page):
    """Check that a dialog shows one image large, and that the arrow keys go on to others."""
    dialog = page.get_by_role("dialog")
    place = dialog.get_by_text(re.compile(r"^\d+ of \d+$"))
    before = place.inner_text()
    expect(dialog.locator("img").first).to_be_visible()
    n = int(before.split(" of ")[1])
    first = int(before.split(" of ")[0])
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text(f"{first % n + 1} of {n}")
    page.keyboard.press("ArrowLeft")
    expect(place).to_have_text(before)
    assert len(page.context.pages) == 1, "the image opened in a tab of its own"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def click_point(page, plot):
    """Click a point of a map until its image is shown; a chart listens only once it is drawn."""
    point = plot.locator("path.point").first
    caught = page.get_by_text("1 image chosen")

    def is_caught():
        box = settled(page, point.bounding_box)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        try:
            caught.wait_for(timeout=3000)
        except TooLate:
            return False
        return True

    point.scroll_into_view_if_needed()
    until(page, is_caught, "the image of a point")


def test_an_image_of_the_data_page_opens_large(page):
    page.goto("/")
    page.get_by_role("button", name="Image of red").first.click()
    expect_large_view(page)


@pytest.mark.slow
def test_an_image_of_the_explore_map_opens_large(page):
    page.goto("/explore")
    plot = page.locator(".tl-map")
    click_point(page, plot)
    page.get_by_role("button", name=re.compile("^Image of")).last.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 of 1")).to_be_visible()
    expect(dialog.locator("img").first).to_be_visible()


def test_an_image_of_a_runs_map_opens_large(page, finished):
    page.goto(f"/run?run={finished[1].id}")
    page.get_by_text("Feature map (PCA, t-SNE, UMAP)").click()
    click_point(page, page.locator(".tl-map"))
    page.get_by_role("button", name=re.compile("image of")).last.click()
    expect(page.get_by_role("dialog").get_by_text("1 of 1")).to_be_visible()


def test_an_image_of_an_epoch_opens_large_and_pauses_the_epochs_that_are_played(page, finished):
    page.goto(f"/run?run={finished[1].id}")
    page.get_by_text("Confusion matrix and feature map by epoch").click()
    samples = page.locator("[class*=st-key-epoch-samples] button[data-pick]")
    samples.first.click()
    expect_large_view(page)
    page.get_by_role("button", name="Play").click()
    samples.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img").first).to_be_visible()
    page.get_by_role("button", name="Play", include_hidden=True).wait_for(state="attached")
    expect_large_view(page)


@contextmanager
def under_way(workspace, dataset):
    """Yield a run that seems to be running, with nobody at work on it."""
    store, artifacts = workspace.store, workspace.artifacts
    # The server cannot claim a run meanwhile, nor take the running one for dead.
    with hold_lock(artifacts.claim_lock):
        run = store.add_run(run_config(dataset, TINY), dataset.name)
        store.claim_run(run.id)
        store.update_run(run.id, progress=Progress("training", 0.5, "", 600.0))
        with hold_lock(artifacts.run_lock(run.id)):
            yield run
            store.finish_run(run.id, RunState.CANCELLED, "")


def end_epoch(store, run, epoch, sure):
    answers = [Prediction(i, i % 3, (sure, 1 - sure, 0.0)) for i in range(30)]
    store.put_predictions(run.id, "val", epoch, answers)
    store.append_metrics(
        run.id, [MetricPoint(epoch, epoch, epoch, "val", "accuracy", sure, len(answers))]
    )
    store.update_run(run.id, epochs_done=epoch)


def test_a_sample_of_a_run_under_way_opens_large_and_stays_open(page, home, finished):
    workspace = open_home(home)
    store = workspace.store
    with under_way(workspace, store.list_datasets()[0]) as run:
        page.goto(f"/run?run={run.id}")
        samples = page.locator("[class*=st-key-samples] button[data-pick]")
        samples.first.click()
        # Nothing has been answered yet.
        expect_large_view(page)
        end_epoch(store, run, 1, 0.6)
        page.get_by_text("validation images, after epoch 1").wait_for()
        samples.first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("The answer is that after epoch 1")).to_be_visible()
        page.keyboard.press("ArrowRight")
        place = dialog.get_by_text(re.compile(r"^\d+ of \d+$"))
        expect(place).to_have_text(re.compile("^2 of"))
        # The pictures behind it go on being refreshed.
        end_epoch(store, run, 2, 0.8)
        page.get_by_text("validation images, after epoch 2").wait_for()
        expect(place).to_have_text(re.compile("^2 of"))
    # The end of the run does not close it either.
    page.get_by_role("heading", name="Stopped", exact=True).wait_for()
    expect(place).to_have_text(re.compile("^2 of"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.reload()
    page.get_by_role("heading", name="Stopped", exact=True).wait_for()
    expect(dialog).to_have_count(0)
    store.delete_run(run.id)
    store.close()
