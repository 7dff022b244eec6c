"""A server on a full disk starts, shows its pages, and is cured by deleting in the browser."""

import pytest
from browsing import ROOT, Server, opened, wait_for_script
from disks import fill
from making_runs import import_folder, make_colours, open_home, run_config


@pytest.fixture
def disk(make_disk):
    return make_disk(megabytes=24)


@pytest.fixture
def server(disk, tmp_path):
    home = disk / "home"
    # Temporary files have no room either; the log of the test has.
    (disk / "temporary").mkdir()
    home.mkdir()
    server = Server(
        ROOT / "app.py",
        home,
        is_forked=False,
        log=tmp_path / "server.log",
        TMPDIR=f"{disk}/temporary",
    )
    yield server
    server.stop()


def test_deleting_in_the_browser_cures_a_full_disk(disk, server, browser, tmp_path):
    workspace = open_home(disk / "home")
    dataset = import_folder(workspace, make_colours(tmp_path / "colours"))
    run = workspace.store.add_run(run_config(dataset), dataset.name)
    workspace.store.request_cancel(run.id)
    server.stop()
    fill(disk)
    server.start()
    fill(disk)
    with opened(browser, server) as page:
        for path in ("/", "/explore", "/train", "/runs", f"/run?run={run.id}", "/try", "/bin"):
            page.goto(path)
            page.get_by_role("heading", level=1).wait_for()
            wait_for_script(page)
            assert page.get_by_test_id("stException").count() == 0
            assert page.get_by_text("encountered an error").count() == 0
        page.goto("/")
        page.get_by_role("button", name="Delete this dataset…").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("moved to the bin").wait_for()
        page.goto("/bin")
        page.get_by_role("button", name="Empty now…").click()
        page.get_by_role("button", name="Delete for good").click()
        page.get_by_text("The bin is empty.").wait_for()
    assert not workspace.artifacts.dataset_folder(dataset.id).exists()
    assert workspace.room.kept_back > 0
    workspace.store.close()
