"""Death of the server during a run: only the unfinished epoch is lost."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

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

HANG = """
import os, signal, sys
from websockets.sync.client import connect
client = connect(sys.argv[1], subprotocols=["streamlit"])
client.protocol.send_close(1000)
client.socket.sendall(b"".join(client.protocol.data_to_send()))
print("closing", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


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


def test_a_killed_server_goes_on_with_its_run_and_the_queue_when_it_is_started_again(
    workspace, dataset, browser, tmp_path
):
    server = Server(ROOT / "app.py", tmp_path, is_forked=False)
    try:
        killed = queue(workspace, dataset, epochs=60)
        waiting = queue(workspace, dataset, epochs=2)
        before = wait_for(workspace, killed, lambda run: run.epochs_done >= 2)
        server.kill()

        # The worker notices by itself, before a server starts again.
        after = wait_for(workspace, killed, lambda run: run.state is not RunState.RUNNING)
        assert after.state is RunState.QUEUED and after.epochs_done >= before.epochs_done
        assert workspace.store.get_run(waiting.id).state is RunState.QUEUED
        server.start()
        with opened(browser, server) as page:
            page.goto(f"/run?run={killed.id}")
            page.get_by_text("completed").first.wait_for()
        done = wait_for(workspace, waiting, lambda run: run.state.is_finished)
        assert done.state is RunState.COMPLETED
        figures = [
            (point.split, point.name, point.epoch)
            for point in workspace.store.list_metrics(killed.id)
            if point.name != "batch_loss"
        ]
        assert len(figures) == len(set(figures)) == 5 * 60
        assert not list((tmp_path / "staging").glob("*/"))
    finally:
        server.stop()


def test_a_server_that_is_asked_to_end_does_so_within_ten_seconds(
    workspace, dataset, browser, tmp_path
):
    server = Server(ROOT / "app.py", tmp_path, is_forked=False)
    try:
        run = queue(workspace, dataset, epochs=500)
        wait_for(workspace, run, lambda run: run.epochs_done >= 2)
        with opened(browser, server) as page:
            # A page that is open, with its websocket and its requests, must not delay the end.
            page.goto(f"/run?run={run.id}")
            page.get_by_text("epoch").first.wait_for()
            worker = workspace.artifacts.process_of(run.id)
            # A stopped process stands for a step that takes minutes, and for a browser that hangs.
            os.kill(worker, signal.SIGSTOP)
            with hung_client(server):
                asked = time.monotonic()
                server.stop()
                assert time.monotonic() - asked < 10 * slowness()
    finally:
        server.kill()
    found = workspace.store.get_run(run.id)
    assert (found.state, found.facts.deaths) == (RunState.QUEUED, 0)
    assert found.epochs_done >= 2 and found.facts.resumed == 1


@contextmanager
def hung_client(server):
    """Have a client that has begun to close its websocket, and does nothing any more."""
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    command = [sys.executable, "-c", HANG, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout.readline() == "closing\n"
            yield
        finally:
            client.kill()


def slowness():
    """Return how many times as long things take while others use the machine, at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
