"""Two students of one class in real browsers: neither reaches what is the other's."""

import re

import pytest
from browsing import until, wait_for_script
from lessons import Class, join, visiting
from making_runs import make_colours
from two_spaces import CANARY, COMPARISON, furnish

from tl_core.settings import Settings
from tl_core.workspace import open_workspace

ADDRESS = re.compile(r"/api/[^\s\"'<>]*token=[^\s\"'<>]*")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    lesson = Class(tmp_path_factory.mktemp("lesson"))
    yield lesson
    lesson.stop()


def furnish_anna(lesson, given):
    """Give Anna a dataset, runs and an export."""
    with lesson.directory() as directory:
        (anna,) = [person for person in directory.people() if person.name == "Anna"]
    house = open_workspace(Settings(home=lesson.home, access="classroom"))
    return furnish(house, anna, make_colours(given / CANARY, prefix=CANARY), CANARY)


def addresses_on(page):
    """Return the addresses with tokens that a page has sent for or shows."""
    sent = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    content = page.content().replace("&amp;", "&")
    return {found for text in [*sent, content] for found in ADDRESS.findall(text)}


def test_what_is_annas_stays_hers(browser, lesson, tmp_path):
    with (
        visiting(browser, lesson) as anna,
        visiting(browser, lesson) as ben,
        visiting(browser, lesson) as nobody,
    ):
        join(anna, lesson, "Anna")
        join(ben, lesson, "Ben")
        space = furnish_anna(lesson, tmp_path)
        paths = [
            *(f"/{page}?dataset={space.dataset.id}" for page in ("", "train")),
            *(f"/{page}?run={space.run.id}" for page in ("run", "try")),
            f"/compare?runs={space.run.id},{space.second.id}",
            f"/optimizers?comparison={COMPARISON}{CANARY}",
            f"/explore?dataset={space.dataset.id}",
            "/runs",
            "/bin",
        ]
        found = set()
        for path in paths:
            anna.goto(path)
            anna.locator("h1").first.wait_for()
            wait_for_script(anna)
            if path.startswith(("/?", "/run?")):
                # Pictures and charts come after the script.
                until(anna, lambda: addresses_on(anna), "an address with a token")
            found |= addresses_on(anna)
            ben.goto(path)
            ben.locator("h1").first.wait_for()
            wait_for_script(ben)
            assert CANARY not in ben.content()
            nobody.goto(path)
            assert "/join" in nobody.url and f"{CANARY} title" not in nobody.content()
        assert {address.split("/")[2] for address in found} >= {"datasets", "runs"}
        # Every one of hers, shown by another student and by nobody.
        for address in found:
            if "/uploads/" not in address and "export" not in address:
                assert anna.request.get(address).ok, address
            assert ben.request.get(address).status in (403, 404, 405), address
            assert nobody.request.get(address).status == 401
        with lesson.directory() as directory:
            directory.remove(space.person.id)
        # Her open page is closed, and her addresses lead nowhere any more.
        anna.get_by_text("You are not signed in, or were removed").wait_for()
        for address in found:
            assert anna.request.get(address).status == 401, address
        for path in paths:
            anna.goto(path)
            assert "/join" in anna.url and f"{CANARY} title" not in anna.content()


def test_who_leaves_is_out_and_whoever_joins_next_finds_nothing_of_theirs(browser, lesson):
    with visiting(browser, lesson) as page:
        join(page, lesson, "Cleo")
        page.get_by_role("button", name="Cleo").click()
        page.get_by_text("Student").wait_for()
        page.get_by_role("link", name="Leave").click()
        page.get_by_role("button").click()
        page.get_by_label("Class code").first.wait_for()
        join(page, lesson, "Dora")
        page.get_by_role("button", name="Dora").wait_for()
        assert "Cleo" not in page.content()
