"""Menu and next step stay in view, on a wide screen and on a phone, in a real browser."""

import pytest
from browsing import opened, wait_for_script
from making_runs import import_folder, make_colours, open_home
from playwright.sync_api import expect

MENU = ("Data", "Explore", "Train", "Runs", "Try it", "Learn")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    workspace = open_home(home)
    import_folder(workspace, make_colours(tmp_path_factory.mktemp("given") / "colours"))
    workspace.store.close()
    return home


@pytest.mark.parametrize("width", [390, 1440])
def test_the_menu_and_the_next_step_stay_in_view(browser, server, width):
    steps = {"/": ("link", "Train a model on these images"), "/train": ("button", "Train")}
    with opened(browser, server, width, 800) as page:
        for path, (role, name) in steps.items():
            page.goto(path)
            step = page.get_by_role(role, name=name, exact=True)
            step.wait_for()
            wait_for_script(page)
            for place in ("0", "main.scrollHeight / 2"):
                page.evaluate(
                    "() => { const main = document.querySelector('[data-testid=stMain]');"
                    f" main.scrollTop = {place} }}"
                )
                expect(step).to_be_in_viewport(ratio=1)
                for entry in MENU:
                    link = page.get_by_role("link", name=entry, exact=True)
                    expect(link).to_be_in_viewport(ratio=0.9)
