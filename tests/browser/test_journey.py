"""The main job in a real browser: drop a folder, train, watch, judge, try, delete."""

import random
import re
import time

import pytest
from browsing import complaints
from PIL import Image, ImageDraw
from playwright.sync_api import expect

CLASSES = (
    "Überraschungsei & Söhne (2024) – final_FINAL",
    "<b>bold</b> ![](http://127.0.0.1:9/x.png)",
    "plain",
)
PER_CLASS = 30


def draw(kind, index):
    """An image of a class that can be told apart by its shape."""
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
    """A wrapped folder as people have them: odd class names, a broken image, a system's leftovers."""
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
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def points_drawn(page):
    """How many points the loss chart shows."""
    return page.evaluate(
        "() => { const chart = document.querySelector('.js-plotly-plot');"
        " return chart && chart.data ? chart.data.reduce((n, trace) => n + trace.x.length, 0) : 0; }"
    )


def wait_until(check, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def test_from_a_folder_to_a_model_that_answers(page, folder, home, tmp_path):
    said = complaints(page)
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))

    page.goto("/")
    page.locator("input[webkitdirectory]").set_input_files(folder)
    page.get_by_text("90 images in 3 classes").first.wait_for()
    page.get_by_text("1 file was left out").click()
    page.get_by_role("link", name="Train a model on these images").click()

    slider = page.get_by_role("slider", name=re.compile("Frozen stages"))
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(page.get_by_text("Keeps the first 6 stages")).to_be_visible()
    epochs = page.get_by_role("textbox", name="Epochs", exact=True)
    epochs.fill("25")
    epochs.press("Enter")
    page.get_by_text("for 25 epochs").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()

    page.wait_for_url(re.compile(r"/run\?run="))
    address = page.url
    before = wait_until(lambda: points_drawn(page), 120, "the first point of the curve")
    wait_until(lambda: points_drawn(page) > before, 60, "the curve's growth")
    page.reload()
    page.get_by_role("button", name="Stop").wait_for()
    reloaded = wait_until(lambda: points_drawn(page), 30, "the curve after a reload")
    assert reloaded >= before

    page.get_by_text(re.compile(r"Right on \d+ of \d+ test images")).wait_for(timeout=180_000)
    assert page.url == address
    page.screenshot(path=tmp_path / "finished.png", full_page=True)

    page.get_by_role("link", name="Try it on your own images").click()
    page.wait_for_url(re.compile(r"/try"))
    image = tmp_path / "mine.png"
    draw(2, 999).save(image)
    page.locator("input[type=file]").set_input_files(image)
    page.get_by_text("What it says to 1 image").wait_for()
    page.get_by_text("Use the camera").click()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_text("What it says to 2 images").wait_for()

    page.goto(address)
    page.get_by_role("button", name=re.compile("Delete this run")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    page.wait_for_url(re.compile(r"/runs"))
    assert not list((home / "runs").iterdir())

    assert said == []
    assert not [
        url for url in asked_for if not url.startswith(("http://127.0.0.1", "data:", "blob:"))
    ]
    assert not [url for url in asked_for if ":9/" in url]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/train",
        "/runs",
        "/optimizers",
        "/try",
        "/run",
        "/run?run=nothing",
        "/?dataset=nothing",
    ],
)
@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_opens_by_its_own_address_and_fits(browser, server, path, width):
    context = browser.new_context(viewport={"width": width, "height": 844}, base_url=server.url)
    page = context.new_page()
    said = complaints(page)
    page.goto(path)
    page.locator("h1").first.wait_for()
    page.wait_for_timeout(500)
    assert (
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        <= 1
    )
    assert page.locator("[data-testid=stException]").count() == 0
    assert said == []
    context.close()
