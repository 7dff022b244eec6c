"""Content security policy: every page works under it, and nothing that it forbids is tried."""

import pytest
from browsing import complaints, opened, settled, wait_for_script

WATCH = """
window.violations = []
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI} in ${event.sourceFile}`))
"""
PAGES = [
    "",
    "explore",
    "train",
    "runs",
    "run?run={run}",
    "compare?runs={run}",
    "optimizers",
    "try?run={run}",
    "bin",
]


@pytest.fixture(scope="module")
def home(finished):
    return finished[0].settings.home


def test_every_page_works_under_the_policy(browser, server, finished):
    with opened(browser, server) as page:
        page.add_init_script(WATCH)
        said = complaints(page)
        found = {}
        for address in PAGES:
            page.goto("/" + address.format(run=finished[1].id))
            page.get_by_role("heading", level=1).wait_for()
            wait_for_script(page)
            settled(page, lambda: page.evaluate("document.querySelectorAll('*').length"), 250)
            if violations := page.evaluate("violations"):
                found[address] = violations
        print(found, said)
        assert not found and not said
