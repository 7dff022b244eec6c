"""Components in a real browser: driven with Chromium over Streamlit."""

import json
import os
import time
import urllib.request
from pathlib import Path

import pytest
from browsing import Server, chromium, opened, settled, until, wait_for_script

from tl_core.config import RunConfig
from tl_core.records import MetricPoint, RunState
from tl_core.settings import Settings
from tl_core.workspace import open_workspace

sync_api = pytest.importorskip("playwright.sync_api")
SITE = Path(__file__).parent / "site"
N_FILES = int(os.environ.get("UPLOAD_FILES", "300"))
"""Number of uploaded files; 5000 measures files of 100 kB and prints the server's memory."""
FILE_BYTES = 100_000


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home):
    server = Server(SITE / "app.py", home)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(home):
    store = open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(home)})).store
    yield store
    store.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, server):
    errors = []
    with opened(browser, server, 1000, 800) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "flowers"
    for i in range(N_FILES):
        place = folder / f"class {i % 3}" / f"{i}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(FILE_BYTES))
    return folder


def open_upload(page):
    page.goto("/?part=upload")
    page.get_by_role("button", name="Choose a folder").wait_for()


def wait_for_state(page, state):
    page.wait_for_selector(f"[data-state={state}]")


def run_again(page):
    """Run the script once more, to its end."""
    number = int(page.get_by_text("drawn: ").inner_text().removeprefix("drawn: "))
    page.get_by_role("button", name="Run again").click()
    page.get_by_text(f"drawn: {number + 1}", exact=True).wait_for()
    wait_for_script(page)


def take(page):
    """Return what the script finds on disk."""
    page.get_by_role("button", name="Take").click()
    line = page.get_by_text("files,")
    line.wait_for()
    return line.inner_text()


WHOLE = f"taken: {N_FILES} files, {N_FILES * FILE_BYTES} bytes"


def test_a_folder_comes_in_whole_though_the_script_runs_again(page, server, folder):
    open_upload(page)
    before, start = server.peak_mb(), time.monotonic()
    page.locator("[data-el=folder-input]").set_input_files(folder)
    page.get_by_role("button", name="Run again").click()
    wait_for_state(page, "done")
    seconds, grown = time.monotonic() - start, server.peak_mb() - before
    print(
        f"{N_FILES} files, {N_FILES * FILE_BYTES / 1e6:.0f} MB: {seconds:.1f} s, server memory "
        f"+{grown:.0f} MB"
    )
    assert grown < 300
    sent = page.get_by_text("sent: {")
    sent.wait_for()
    told = json.loads(sent.inner_text().removeprefix("sent: "))
    assert (told["files"], told["loose"], told["zip"], told["folder_name"]) == (
        N_FILES,
        False,
        False,
        "flowers",
    )
    assert take(page) == WHOLE
    wait_for_state(page, "idle")


def test_a_dropped_folder_is_walked_through(page, folder):
    open_upload(page)
    box = page.locator("[data-el=area]").bounding_box()
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data}
        devtools.send("Input.dispatchDragEvent", event)
    wait_for_state(page, "done")
    assert take(page) == WHOLE


def test_what_was_put_aside_for_later_is_not_given_again(page, folder):
    open_upload(page)
    page.locator("[data-el=folder-input]").set_input_files(folder)
    page.get_by_role("button", name="Put aside").click()
    page.get_by_text("taken: later").wait_for()
    page.get_by_text("sent: null").wait_for()
    page.locator("[data-state=idle] [data-el=folder-input]").set_input_files(folder)
    assert take(page) == WHOLE


def test_a_lost_connection_is_said_and_retry_sends_the_rest(page, folder):
    open_upload(page)
    n_asked = 0

    def cut(route):
        nonlocal n_asked
        n_asked += 1
        route.abort() if n_asked > 2 else route.continue_()

    page.route("**/batch/*", cut)
    page.evaluate(
        "window.realTimeout = setTimeout; window.setTimeout = (f, ms) => realTimeout(f, ms / 50)"
    )
    page.locator("[data-el=folder-input]").set_input_files(folder)
    wait_for_state(page, "failed")
    assert "connection to the server was lost" in page.locator("[data-el=error]").inner_text()
    page.unroute("**/batch/*")
    page.get_by_role("button", name="Retry").click()
    wait_for_state(page, "done")
    assert take(page) == WHOLE


def test_a_restart_of_the_server_loses_nothing(page, server, folder):
    open_upload(page)
    n_asked = 0
    failed = []

    def stop_at_the_fourth(route):
        nonlocal n_asked
        n_asked += 1
        if n_asked == 4:
            server.stop()
        route.continue_()

    page.on("requestfailed", lambda request: "/batch/" in request.url and failed.append(request))
    page.route("**/batch/*", stop_at_the_fourth)
    page.locator("[data-el=folder-input]").set_input_files(folder)
    until(page, lambda: len(failed) > 4, "a second try's failure")  # three are sent at once
    server.start()
    wait_for_state(page, "done")
    assert take(page) == WHOLE


def test_a_refusal_is_said_and_a_cancelled_upload_leaves_nothing(page, folder, home):
    before = set((home / "staging").glob("*"))
    open_upload(page)
    refusal = json.dumps({"error": "The server's disk is full."})
    page.route("**/batch/*", lambda route: route.fulfill(status=507, body=refusal))
    page.locator("[data-el=folder-input]").set_input_files(folder)
    wait_for_state(page, "failed")
    assert page.locator("[data-el=error]").inner_text() == "The server's disk is full."
    page.get_by_role("button", name="Choose again").click()
    page.unroute("**/batch/*")
    held = []
    page.route("**/finish", lambda route: held.insert(0, route))
    page.locator("[data-el=folder-input]").set_input_files(folder)
    until(page, lambda: held, "the last request")
    page.get_by_role("button", name="Cancel").click()
    wait_for_state(page, "idle")
    until(page, lambda: set((home / "staging").glob("*")) == before, "the end of what was sent")


@pytest.fixture
def run(store):
    run = store.add_run(RunConfig.model_validate({"data": {"dataset_id": "d1"}}), "flowers")
    store.claim_run(run.id)
    add_epoch(store, run, 1)
    return run


def add_epoch(store, run, epoch):
    names = (("train", "batch_loss"), ("train", "loss"), ("val", "loss"))
    points = [
        MetricPoint(3 * epoch + i, epoch, 10 * epoch, s, n, 1 / epoch, 30)
        for i, (s, n) in enumerate(names)
    ]
    store.append_metrics(run.id, points)


def test_a_live_chart_follows_its_run_and_keeps_zoom_and_chosen_lines(page, store, run):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/?part=charts&run={run.id}")
    plot = page.locator(".js-plotly-plot").first
    page.get_by_text("Loss after epoch 1").wait_for()
    plot.evaluate("plot => (plot.dataset.mark = 'same')")
    plot.locator(".legendtoggle").last.click()
    page.wait_for_function(
        "document.querySelector('.js-plotly-plot')?._fullData?.at(-1).visible == 'legendonly'"
    )
    box = plot.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 120, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis.autorange === false"
    )
    chosen = (
        "plot => [plot.dataset.mark, plot._fullLayout.xaxis.range,"
        " plot._fullData.map(line => line.visible)]"
    )
    before = settled(page, lambda: plot.evaluate(chosen))
    assert before[2] == [True, True, "legendonly"]
    add_epoch(store, run, 2)
    page.get_by_text("Loss after epoch 2").wait_for()
    run_again(page)
    colour = "plot => plot._fullLayout.font.color"
    in_light = plot.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    until(page, lambda: plot.evaluate(colour) != in_light, "the chart in dark")
    assert plot.evaluate(chosen) == before
    assert "over 2 epochs" in plot.get_attribute("aria-label")
    assert plot.get_attribute("role") == "img"
    assert sum("plotly.js" in url for url in asked) == 1
    store.finish_run(run.id, RunState.COMPLETED)
    settled(page, lambda: len(asked), still=2500)  # a live chart asks every second


def until_shown(page, act, shown):
    """Repeat the action until that is shown, since a chart listens only a moment after drawing."""

    def has_worked():
        act()
        try:
            shown.wait_for(timeout=3000)
        except sync_api.TimeoutError:
            return False
        return True

    until(page, has_worked, "an answer")


def lasso(page, share):
    """Draw a lasso around the left share of the map."""
    box = page.locator(".tl-map .nsewdrag").first.bounding_box()
    left, top, bottom = box["x"] + 2, box["y"] + 2, box["y"] + box["height"] - 2
    right = left + share * (box["width"] - 4)
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def test_a_map_shows_what_is_pointed_at_and_tells_what_is_caught(page):
    page.goto("/?part=map")
    points = page.locator(".tl-map path.point")
    points.nth(2).wait_for()

    def middle(i):
        box = points.nth(i).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def point_at_the_first():
        page.mouse.move(0, 0)
        page.mouse.move(*settled(page, lambda: middle(0)))

    until_shown(page, point_at_the_first, page.get_by_text("<img src=x onerror=alert(1)>"))
    assert page.locator(".tl-map .legendtext").first.text_content() == "<b>left</b>"
    until_shown(page, lambda: lasso(page, 0.7), page.get_by_text("chosen: [0, 1]"))
    run_again(page)

    def click_the_third():  # the second of the first group
        page.mouse.click(*settled(page, lambda: middle(1)))

    until_shown(page, click_the_third, page.get_by_text("chosen: [2]"))


def test_a_lasso_tells_all_that_it_caught_however_many(page):
    page.goto("/?part=crowd")
    points = page.locator(".tl-map path.point")
    points.nth(1199).wait_for()
    settled(page, points.nth(1199).bounding_box)
    until_shown(page, lambda: lasso(page, 1), page.get_by_text("1200 chosen", exact=True))


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("part", ["upload", "charts"])
def test_nothing_is_wider_than_the_page(page, run, part, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/?part={part}&run={run.id}")
    page.locator(".js-plotly-plot, [data-el=area]").first.wait_for()
    assert settled(page, lambda: page.evaluate("document.documentElement.scrollWidth")) <= width


TEXTS = [
    "http://a.example/x www.b.example c@d.example",
    "HTTPS://E.example ftp://f.example mailto:g@h.example xmpp:q@q.example/1",
    ":smile: :material/home: :streamlit: :red[hot] :blue-badge[x] :+1:",
    "-> <- <-> => -- >= != <= a-->b",
    "$x^2$ $$y$$ `c` **b** _i_ ~~s~~ <b>d</b> [l](http://k.example) ![](http://m.example/n.png)",
    "# head",
    "1. one",
    "- item",
    "> quote",
    "|a|b|",
    "back\\slash &amp; &lt;",
    "Überraschungsei & Söhne (2024) – final_FINAL",
]


def test_literal_text_is_shown_as_it_is(page):
    page.goto("/?part=text&texts=" + urllib.request.quote(json.dumps(TEXTS)))
    boxes = page.locator("[data-testid=stMarkdownContainer]:not(button *)")
    boxes.nth(len(TEXTS) - 1).wait_for()
    assert [text.replace("\u2060", "").strip() for text in boxes.all_inner_texts()] == TEXTS
    assert (
        boxes.locator("a, img, code, strong, em, del, li, h1, table, .katex, blockquote").count()
        == 0
    )


def test_a_picture_is_chosen_by_click_and_by_keyboard(page):
    page.route(
        "**/picture/*", lambda route: route.fulfill(content_type="image/svg+xml", body="<svg/>")
    )
    page.route("**/heat/*", lambda route: route.fulfill(status=404, body="{}"))
    page.goto("/?part=pictures")
    page.get_by_role("button", name="Wrong: image of a").nth(1).click()
    page.get_by_text("picked: [1]", exact=True).wait_for()
    page.get_by_role("button", name="Wrong: image of a").nth(2).focus()
    page.keyboard.press("Enter")
    page.get_by_text("picked: [1, 2]", exact=True).wait_for()
    run_again(page)
    assert page.get_by_text("picked: [1, 2]", exact=True).is_visible()  # nothing once more


def test_arrow_keys_go_from_a_large_image_to_its_neighbours(page):
    page.route(
        "**/picture/*", lambda route: route.fulfill(content_type="image/svg+xml", body="<svg/>")
    )
    page.goto("/?part=large")
    page.get_by_role("button", name="Image of a").nth(1).click()
    dialog = page.get_by_role("dialog")
    name = dialog.get_by_label("Name")
    dialog.get_by_text("2 of 3", exact=True).wait_for()
    page.keyboard.press("ArrowRight")
    dialog.get_by_text("3 of 3", exact=True).wait_for()
    # After the last comes the first; the buttons do the same.
    page.keyboard.press("ArrowRight")
    dialog.get_by_text("1 of 3", exact=True).wait_for()
    dialog.get_by_role("button", name="Previous").click()
    dialog.get_by_text("3 of 3", exact=True).wait_for()
    # In a field the arrows move the cursor.
    name.click()
    page.keyboard.press("ArrowLeft")
    wait_for_script(page)
    assert dialog.get_by_text("3 of 3", exact=True).is_visible()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


@pytest.mark.parametrize("way", ["button", "key", "beside"])
def test_a_closed_large_image_leaves_the_address_of_the_page(page, way):
    page.goto("/?part=large&image=7")
    page.get_by_role("button", name="Image of a").nth(1).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("2 of 3", exact=True).wait_for()
    assert "image=7" in page.url
    if way == "button":
        dialog.get_by_role("button", name="Close").click()
    elif way == "key":
        page.keyboard.press("Escape")
    else:
        page.mouse.click(2, 300)
    dialog.wait_for(state="detached")
    page.wait_for_url(lambda url: "image=" not in url and "part=large" in url)


def test_a_heat_map_says_that_it_is_being_made_and_what_it_shows(page):
    held = []
    drawn = {"content_type": "image/svg+xml", "body": "<svg xmlns='http://www.w3.org/2000/svg'/>"}
    refusal = {"status": 404, "body": json.dumps({"error": "This picture is not here any more."})}
    page.route("**/picture/*", lambda route: route.fulfill(**drawn))
    page.route("**/heat/a", lambda route: held.insert(0, route))
    page.route("**/heat/*b*", lambda route: route.fulfill(**refusal))
    page.goto("/?part=pictures")
    page.get_by_text("This picture is not here any more.").wait_for()
    page.get_by_text("Asking the model where it looks:").wait_for()
    page.get_by_text("Where it sees <b>").wait_for()
    held[0].fulfill(headers={"X-Where": "strongest at the upper left"}, **drawn)
    page.get_by_role(
        "img", name="Heat-map. Where it sees a: strongest at the upper left"
    ).wait_for()
    page.get_by_text("Asking the model").wait_for(state="detached")
