"""Death of the server during a run: only the unfinished epoch is lost."""

import pytest
from browsing import ROOT, Server, opened
from waiting import wait_until

from tl_core.config import make_run_config
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.records import RunState
from tl_core.runners import enqueue
from tl_core.settings import Settings
from tl_core.workspace import open_workspace


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(tmp_path)}))


@pytest.fixture
def dataset(workspace):
    imported = import_dataset(
        workspace.store,
        workspace.artifacts,
        sample_source("shapes"),
        name="shapes",
        limits=workspace.settings.limits,
    )
    return imported.record


def queue(workspace, dataset, epochs):
    settings = {"frozen_stages": 8, "image_size": 64, "epochs": epochs, "augment": "none"}
    return enqueue(workspace, make_run_config(dataset.id, settings))


def wait_for(workspace, run, check):
    wait_until(lambda: check(workspace.store.get_run(run.id)), "the run's next state")
    return workspace.store.get_run(run.id)


def test_a_killed_server_leaves_its_run_interrupted_and_goes_on_with_the_queue(
    workspace, dataset, browser, tmp_path
):
    server = Server(ROOT / "app.py", tmp_path)
    try:
        killed = queue(workspace, dataset, epochs=500)
        waiting = queue(workspace, dataset, epochs=2)
        before = wait_for(workspace, killed, lambda run: run.epochs_done >= 2)
        server.kill()
        assert workspace.store.get_run(waiting.id).state is RunState.QUEUED

        # The worker notices by itself, before a server starts again.
        after = wait_for(workspace, killed, lambda run: run.state.is_finished)
        server.start()
        assert after.state is RunState.INTERRUPTED
        assert after.epochs_done >= before.epochs_done
        epochs = {
            point.epoch
            for point in workspace.store.list_metrics(killed.id)
            if point.name == "accuracy"
        }
        assert epochs == set(range(1, after.epochs_done + 1))
        with opened(browser, server) as page:
            page.goto(f"/run?run={killed.id}")
            page.get_by_text("interrupted").first.wait_for()
            page.get_by_role("button", name="Resume").wait_for()

        done = wait_for(workspace, waiting, lambda run: run.state.is_finished)
        assert done.state is RunState.COMPLETED
        assert not list((tmp_path / "staging").glob("*/"))
    finally:
        server.stop()
