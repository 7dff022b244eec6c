"""Other ways to import a dataset: loose images, a zip, a sample, a folder on the server."""

import zipfile

import pytest
from browsing import ROOT, Server, complaints, opened
from making_runs import open_home
from PIL import Image

from tl_core.datasets.importing import delete_dataset

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def allowed(tmp_path_factory):
    """Make a folder of the server that datasets may be imported from."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="module")
def server(home, allowed):
    given = {"TRANSFERLAB_SERVER_FOLDERS": str(allowed), "TRANSFERLAB_RUNNER": "thread"}
    server = Server(ROOT / "app.py", home, **given)
    yield server
    server.stop()


@pytest.fixture
def page(browser, server, home):
    """Open an app without datasets."""
    with opened(browser, server) as page:
        yield page
    workspace = open_home(home)
    for dataset in workspace.store.list_datasets():
        delete_dataset(workspace.store, workspace.artifacts, dataset.id)
    workspace.store.close()


@pytest.fixture
def images(tmp_path):
    """Return the file names by class."""
    found = {}
    for kind, colour in (("red things", 200), ("grey *things*", 90)):
        for i in range(6):
            path = tmp_path / f"{kind.replace('*', '')} {i}.png"
            Image.new("RGB", (24, 24), (colour, 90, 90 + i)).save(path)
            found.setdefault(kind, []).append(path)
    return found


def choose_files(page, files):
    page.locator("input[type=file]:not([webkitdirectory])").first.set_input_files(files)


def test_loose_images_are_given_a_class_each(page, images, tmp_path):
    said = complaints(page)
    other = tmp_path / "wrong.txt"
    other.write_text("no image")
    page.goto("/")
    for name, files in images.items():
        page.get_by_role("button", name="Choose a folder").wait_for()
        choose_files(page, [*files, other])
        page.get_by_text("You dropped 6 images").wait_for()
        page.get_by_text("wrong.txt").wait_for()
        page.get_by_label("Class of these images").fill(name)
        page.get_by_role("button", name="Add to the dataset").click()
        page.get_by_text("You dropped 6 images").wait_for(state="detached")
        page.get_by_text("So far:").wait_for()
    page.get_by_label("Name of the dataset").fill("By hand")
    page.get_by_role("button", name="Make the dataset").click()
    page.get_by_text("12 images in 2 classes").first.wait_for()
    page.get_by_text("grey *things*").first.wait_for()
    page.get_by_text("Add images").click()
    choose_files(page, files)
    page.get_by_text("You dropped 6 images").wait_for()
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("button", name="Train").wait_for()
    page.get_by_role("link", name="Data", exact=True).click()
    # The drop is still there, and its expander is open.
    expect(page.get_by_text("You dropped 6 images")).to_be_visible()
    assert said == []


def test_a_zip_and_a_folder_on_the_server_are_the_same_dataset(page, images, tmp_path, allowed):
    said = complaints(page)
    archive = tmp_path / "animals.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, paths in images.items():
            for path in paths:
                file.write(path, f"animals/{name}/{path.name}")
                place = allowed / "animals" / name / path.name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes())
    page.goto("/")
    choose_files(page, archive)
    page.get_by_text("12 images in 2 classes").first.wait_for()
    page.goto("/")
    page.get_by_text("Add images").click()
    page.get_by_text("A folder on the server").click()
    page.get_by_role("textbox", name="Path of a folder or zip").fill(str(allowed / "animals"))
    page.get_by_role("button", name="Import").click()
    page.get_by_text("were here already").wait_for()
    assert said == []


def test_a_refused_zip_says_why_and_the_page_goes_on(page, tmp_path, home):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as file:
        file.writestr("../../outside/a.jpg", b"x")
    page.goto("/")
    choose_files(page, bad)
    page.get_by_role("alert").filter(has_text="outside").wait_for()
    page.get_by_role("button", name="Use this sample").first.click()
    page.get_by_text("192 images in 3 classes").first.wait_for()
    assert not [*home.rglob("outside"), *home.parent.glob("outside")]
