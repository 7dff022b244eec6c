"""The drawing of the network as a control, driven in Chromium by mouse, touch and keyboard."""

from pathlib import Path

import pytest
from browsing import Server, chromium, opened, settled, until, wait_for_script

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = pytest.importorskip("playwright.sync_api").expect
SITE = Path(__file__).parents[1] / "site"
WIDTHS = {"row": 1200, "column": 390}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(SITE / "depth.py", tmp_path_factory.mktemp("home"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, server, request):
    errors = []
    with opened(browser, server, WIDTHS[getattr(request, "param", "row")], 900) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


both = pytest.mark.parametrize("page", WIDTHS, indirect=True)


def start(page, **query):
    """Open the page and return the slider, once the form's place is drawn."""
    page.goto("/?" + "&".join(f"{name}={value}" for name, value in query.items()))
    grip = page.get_by_role("slider", name="Frozen stages")
    expect(grip).to_have_attribute("aria-valuenow", "3")
    page.get_by_text("drawn: 1", exact=True).wait_for()
    wait_for_script(page)
    return grip


def drawn(page):
    return int(page.get_by_text("drawn: ").inner_text().removeprefix("drawn: "))


def expect_form(page, place, *, runs=1):
    """Expect that the form has the place, after so many runs of the script since the first."""
    page.get_by_text(f"frozen: {place}", exact=True).wait_for()
    wait_for_script(page)
    assert drawn(page) == 1 + runs


def frozen(page):
    """Return how many stages are drawn as frozen."""
    return page.locator(".tl-network svg:visible [data-state=frozen]").count()


def knob(grip):
    """Return the middle of the grip's knob in pixels, once it stands still."""
    box = settled(grip.page, lambda: grip.locator("circle").bounding_box())
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stage(page, place):
    """Return the middle of a stage, counted from 1, in pixels."""
    box = page.locator(f".tl-network svg:visible [data-freeze='{place}'] .block").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@both
def test_the_grip_follows_the_mouse_at_once_and_the_form_hears_of_it_once(page):
    grip = start(page)
    x, y = knob(grip)
    step = [b - a for a, b in zip(stage(page, 1), stage(page, 2), strict=True)]
    page.mouse.move(x, y)
    page.mouse.down()
    for steps in (1, 2, 3, -2, 3):
        page.mouse.move(x + step[0] * steps, y + step[1] * steps, steps=3)
        expect(grip).to_have_attribute("aria-valuenow", str(3 + steps))
        assert frozen(page) == 3 + steps
    assert grip.get_attribute("aria-valuetext") == "Frozen up to stage 6 of 8"
    page.get_by_text("Frozen up to stage 6 of 8 (stage6): 6 k of 8 k weights").wait_for()
    assert drawn(page) == 1
    page.mouse.up()
    expect_form(page, 6)


def test_the_grip_cannot_be_dragged_beyond_the_ends(page):
    grip = start(page)
    for far, place in ((2000, 8), (-2000, 0)):
        page.mouse.move(*knob(grip))
        page.mouse.down()
        page.mouse.move(far, far, steps=4)
        page.mouse.up()
        page.get_by_text(f"frozen: {place}", exact=True).wait_for()
        assert frozen(page) == place
    assert grip.get_attribute("aria-valuetext") == "Nothing frozen: all 8 stages learn"


@both
def test_a_click_freezes_up_to_the_stage_and_the_arrows_go_on_from_there(page):
    grip = start(page)
    page.mouse.click(*stage(page, 5))
    expect_form(page, 5)
    assert frozen(page) == 5
    expect(grip).to_be_focused()
    # Several presses in a row are one change.
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    expect(grip).to_have_attribute("aria-valuenow", "6")
    expect_form(page, 6, runs=2)
    expect(grip).to_be_focused()
    for key, place in (("Home", 0), ("End", 8)):
        page.keyboard.press(key)
        page.get_by_text(f"frozen: {place}", exact=True).wait_for()
    page.locator(".tl-network svg:visible").get_by_text("image").click()
    page.get_by_text("frozen: 0", exact=True).wait_for()


@both
def test_the_arrows_move_the_grip_the_way_they_point(page):
    grip = start(page)
    grip.focus()
    down = page.viewport_size["width"] == WIDTHS["column"]
    page.keyboard.press("ArrowDown")
    page.get_by_text(f"frozen: {4 if down else 2}", exact=True).wait_for()


def test_a_preset_moves_the_grip_and_undoes_nothing_later(page):
    grip = start(page)
    page.mouse.click(*stage(page, 2))
    expect_form(page, 2)
    page.get_by_role("button", name="Preset").click()
    expect(grip).to_have_attribute("aria-valuenow", "6")
    expect_form(page, 6, runs=2)
    assert frozen(page) == 6


def test_no_move_is_lost_while_the_script_is_busy(page):
    grip = start(page, seconds=0.7)
    for place in (1, 7, 2, 5):
        page.mouse.click(*stage(page, place))
        # What the page says to an older move must not come between.
        assert grip.get_attribute("aria-valuenow") == str(place)
    page.get_by_text("frozen: 5", exact=True).wait_for()
    wait_for_script(page)
    assert grip.get_attribute("aria-valuenow") == "5"
    assert page.get_by_text("frozen: 5", exact=True).is_visible()


def test_a_locked_drawing_moves_by_nothing(page):
    grip = start(page, locked=1)
    page.mouse.click(*stage(page, 6))
    grip.focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Preset").click()
    expect_form(page, 6)
    assert grip.get_attribute("aria-disabled") == "true"


@both
@pytest.mark.parametrize("n_stages", [12, 100])
def test_axe_finds_nothing_and_all_fits_the_screen(page, n_stages):
    start(page, stages=n_stages)
    found = axe.Axe().run(page, {"include": [".stBidiComponent"]}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    box = page.locator(".tl-network svg:visible").bounding_box()
    assert box["height"] < 750
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_of_a_hundred_stages_each_can_be_reached(page):
    grip = start(page, stages=100)
    page.mouse.click(*stage(page, 60))
    page.get_by_text("(stage60)").wait_for()
    page.get_by_role("button", name="Freeze one stage more").click()
    page.get_by_text("frozen: 61", exact=True).wait_for()
    grip.focus()
    page.keyboard.press("PageUp")
    expect(grip).not_to_have_attribute("aria-valuenow", "61")
    assert abs(int(grip.get_attribute("aria-valuenow")) - 61) == 10


def test_the_focus_of_the_keyboard_can_be_seen(page):
    grip = start(page)
    circle = grip.locator("circle")
    look = "circle => getComputedStyle(circle).strokeWidth"
    before = circle.evaluate(look)
    page.keyboard.press("Tab")
    while not grip.evaluate("grip => grip.matches(':focus-visible')"):
        page.keyboard.press("Tab")
    assert circle.evaluate(look) != before


def test_a_finger_drags_the_grip_and_scrolls_elsewhere(browser, server):
    with opened(browser, server, WIDTHS["column"], 600) as page:
        touch = page.context.new_cdp_session(page)
        grip = start(page)
        step = stage(page, 2)[1] - stage(page, 1)[1]

        def swipe(x, y, by):
            points = [y + by * part / 8 for part in range(9)]
            for place, at in enumerate(points):
                kind = "touchStart" if place == 0 else "touchMove"
                touch.send(
                    "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": at}]}
                )
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        swipe(*knob(grip), 3 * step)
        expect_form(page, 6)
        scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
        assert page.evaluate(scrolled) == 0
        swipe(*stage(page, 5), -150)
        until(page, lambda: page.evaluate(scrolled) > 0, "scrolling")
        assert grip.get_attribute("aria-valuenow") == "6"
