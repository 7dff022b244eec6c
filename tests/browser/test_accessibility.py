"""Accessibility of the pages, checked with axe in light and dark: no serious violation."""

import shutil
from contextlib import closing
from sqlite3 import connect

import pytest
from browsing import opened, until_true, wait_for_script
from export.making_exports import make_tested
from making_runs import open_home, run_config

from tl_core.records import RunState

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """Make a workspace with two tested runs on the same images, to compare."""
    old, home = finished[0].settings.home, tmp_path_factory.mktemp("accessible") / "home"
    shutil.copytree(old, home, ignore=shutil.ignore_patterns("transferlab.db*"))
    # SQLite's backup, since opening and closing the files of an open database drops its locks.
    with (
        closing(connect(old / "transferlab.db")) as source,
        closing(connect(home / "transferlab.db")) as target,
    ):
        source.backup(target)
    workspace = open_home(home)
    dataset = workspace.store.list_datasets()[0]
    make_tested(workspace, dataset, "squeezenet1_1", image_size=40)
    # Something for the page of the bin to show.
    binned = workspace.store.add_run(run_config(dataset), dataset.name, state=RunState.PAUSED)
    workspace.store.bin_run(binned.id)
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
        "bin",
    )
    with opened(browser, server, width=1280) as page:
        found = [problem for address in addresses for problem in problems_of(page, address)]
    assert not found, "\n".join(map(str, found))


def problems_of(page, address):
    """Check a page in light and in dark, where only the contrast can differ."""
    page.emulate_media(color_scheme="light")
    page.goto(f"/{address}")
    page.get_by_role("heading", level=1).wait_for()
    wait_for_script(page)
    yield from ((address, "light", *words) for words in serious(page))
    page.emulate_media(color_scheme="dark")
    until_true(page, "getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
    yield from ((address, "dark", *words) for words in serious(page, runOnly=["color-contrast"]))


def serious(page, **options):
    """Return (rule, help, places) of each serious or critical violation outside charts.

    A chart is a single image with a text for screen readers, so its inner markup does not matter.
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
