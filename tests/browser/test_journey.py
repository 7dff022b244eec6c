"""Main task in a real browser: drop a folder, train, watch, evaluate, predict, delete."""

import random
import re

import pytest
from browsing import (
    complaints,
    opened,
    settled,
    standing_still,
    until,
    until_true,
    wait_for_script,
)
from making_runs import open_home
from PIL import Image, ImageDraw
from playwright.sync_api import expect
from waiting import wait_until

CLASSES = (
    "Überraschungsei & Söhne (2024) – final_FINAL",
    "<b>bold</b> ![](http://127.0.0.1:9/x.png)",
    "plain",
)
PER_CLASS = 30
EPOCHS = 5


def draw(kind, index):
    """Draw an image whose class shows in its shape."""
    chance = random.Random(f"{kind} {index}")
    image = Image.new("RGB", (96, 96), tuple(chance.randrange(120, 256) for _ in range(3)))
    left, top, side = chance.randrange(5, 40), chance.randrange(5, 40), chance.randrange(30, 50)
    box, colour = (
        (left, top, left + side, top + side),
        tuple(chance.randrange(100) for _ in range(3)),
    )
    pen = ImageDraw.Draw(image)
    if kind == 0:
        pen.ellipse(box, fill=colour)
    elif kind == 1:
        pen.rectangle(box, outline=colour, width=5)
    else:
        pen.line(box, fill=colour, width=6)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a nested folder as users have them: odd class names, a broken image, system files."""
    folder = tmp_path_factory.mktemp("pictures") / "my things"
    for kind, name in enumerate(CLASSES):
        place = folder / "images" / name.replace("/", "∕")
        place.mkdir(parents=True)
        for index in range(PER_CLASS):
            draw(kind, index).save(
                place / f"{index}.{'JPG' if index % 2 else 'png'}", "JPEG" if index % 2 else "PNG"
            )
    (folder / "images" / "plain" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this ends too soon")
    (folder / "images" / "plain" / ".DS_Store").write_bytes(b"\0" * 10)
    return folder


@pytest.fixture
def page(browser, server):
    with opened(browser, server) as page:
        yield page


def points_drawn(page):
    """Return the number of points in the loss chart."""
    return page.evaluate(
        "() => { const chart = document.querySelector('.js-plotly-plot');"
        " const traces = chart && chart.data ? chart.data : [];"
        " return traces.reduce((n, trace) => n + trace.x.length, 0); }"
    )


def test_from_a_folder_to_a_model_that_answers(page, folder, home, tmp_path):
    said = complaints(page)
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))

    drop(page, folder)
    train(page)
    address = page.url
    watch(page, home)
    page.get_by_text(re.compile(r"Right on \d+ of \d+ test images")).wait_for()
    assert page.url == address
    try_it(page, tmp_path / "mine.png")

    page.goto(address)
    page.get_by_role("button", name=re.compile("Delete this run")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    page.wait_for_url(re.compile(r"/runs"))
    page.get_by_role("button", name="Undo").wait_for()
    page.get_by_role("link", name="Open the bin").click()
    page.get_by_role("button", name="Empty now").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("The bin is empty").wait_for()
    assert not list((home / "runs").iterdir())

    assert said == []
    assert not [
        url for url in asked_for if not url.startswith(("http://127.0.0.1", "data:", "blob:"))
    ]
    assert not [url for url in asked_for if ":9/" in url]


def drop(page, folder):
    page.goto("/")
    page.locator("input[webkitdirectory]").set_input_files(folder)
    page.get_by_text("90 images in 3 classes").first.wait_for()
    page.get_by_text("1 file was left out").click()
    page.get_by_role("link", name="Train a model on these images").click()


def train(page):
    slider = page.get_by_role("slider", name=re.compile("Frozen stages"))
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(page.get_by_text("Keeps the first 6 stages")).to_be_visible()
    epochs = page.get_by_role("textbox", name="Epochs", exact=True)
    epochs.fill(str(EPOCHS))
    epochs.press("Enter")
    page.get_by_text(f"for {EPOCHS} epochs").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile(r"/run\?run="))


def watch(page, home):
    """Check that the curve grows while it is watched, and is there again after a reload."""
    workspace = open_home(home)
    (run,) = workspace.store.list_runs()

    def wait_for_epoch(number):
        wait_until(lambda: workspace.store.get_run(run.id).epochs_done >= number, f"epoch {number}")

    wait_for_epoch(1)
    with standing_still(workspace, run):
        until(page, lambda: points_drawn(page), "the first point of the curve")
        before = settled(page, lambda: points_drawn(page), still=2000)
    wait_for_epoch(2)
    with standing_still(workspace, run):
        until(page, lambda: points_drawn(page) > before, "the curve's growth")
        page.reload()
        page.get_by_role("button", name="Stop").wait_for()
        reloaded = until(page, lambda: points_drawn(page), "the curve after a reload")
        assert reloaded >= before
    workspace.store.close()


def try_it(page, image):
    """Check the predictions of an image file and of a photo."""
    page.get_by_role("link", name="Try it on your own images").click()
    page.wait_for_url(re.compile(r"/try"))
    draw(2, 999).save(image)
    page.locator("[data-el=files-input]").set_input_files(image)
    page.get_by_text("What it says to 1 image").wait_for()
    page.get_by_role("img", name=re.compile("Heat-map. Where it sees")).wait_for()
    page.get_by_text("Use the camera").click()
    until_true(page, "document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_text("What it says to 2 images").wait_for()


PATHS = ("/", "/train", "/runs", "/optimizers", "/try", "/run", "/run?run=nothing")
PATHS += ("/?dataset=nothing",)


@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_opens_by_its_own_address_and_fits(browser, server, width):
    with opened(browser, server, width, 844) as page:
        said = complaints(page)
        for path in PATHS:
            page.goto(path)
            page.locator("h1").first.wait_for()
            wait_for_script(page)
            until_true(
                page,
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1",
            )
            assert page.locator("[data-testid=stException]").count() == 0, path
            assert said == [], path
