"""What axe finds on the pages, in light and in dark: nothing serious."""

import shutil
from contextlib import closing
from sqlite3 import connect

import pytest
from browsing import opened, wait_for_script
from export.making_exports import make_tested
from making_runs import open_home

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """Of a workspace with two tested runs on the same images, to compare."""
    old, home = finished[0].settings.home, tmp_path_factory.mktemp("accessible") / "home"
    shutil.copytree(old, home, ignore=shutil.ignore_patterns("transferlab.db*"))
    # SQLite's own copy: whoever else opens and closes the files of an open database takes its locks away.
    with (
        closing(connect(old / "transferlab.db")) as source,
        closing(connect(home / "transferlab.db")) as target,
    ):
        source.backup(target)
    workspace = open_home(home)
    make_tested(workspace, workspace.store.list_datasets()[0], "squeezenet1_1", image_size=40)
    workspace.store.close()
    return home


def test_axe_finds_nothing_serious_in_light_and_in_dark(browser, server, finished, home):
    store = open_home(home).store
    runs = [run.id for run in store.list_runs()]
    store.close()
    addresses = (
        f"run?run={finished[1].id}",
        f"compare?runs={','.join(runs)}",
        "train",
        "",
        "runs",
    )
    with opened(browser, server, width=1280) as page:
        found = [problem for address in addresses for problem in problems_of(page, address)]
    assert not found, "\n".join(map(str, found))


def problems_of(page, address):
    """In light and in dark, where only the contrast can differ."""
    page.emulate_media(color_scheme="light")
    page.goto(f"/{address}")
    page.get_by_role("heading", level=1).wait_for()
    wait_for_script(page)
    yield from ((address, "light", *words) for words in serious(page))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'"
    )
    yield from ((address, "dark", *words) for words in serious(page, runOnly=["color-contrast"]))


def serious(page, **options):
    """(rule, what it asks for, where it is broken) of each serious or critical violation, but within charts.

    A chart is one picture with a text; what it is drawn with is nothing to a screen reader.
    """
    drawn = {"exclude": [".js-plotly-plot"]}
    violations = (
        axe.Axe()
        .run(page, drawn, {"resultTypes": ["violations"], **options})
        .response["violations"]
    )
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
