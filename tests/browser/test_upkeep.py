"""Doctor, backup and restoration beside a server that trains."""

import pytest
from browsing import ROOT, Server
from cli.commanding import answer, complaint, run
from making_runs import import_folder, make_colours, open_home, run_config
from waiting import wait_until

from tl_core.records import RunState
from tl_core.runners import enqueue


@pytest.fixture
def server(tmp_path):
    home = tmp_path / "home"
    home.mkdir(0o700)
    server = Server(ROOT / "app.py", home, is_forked=False, log=tmp_path / "server.log")
    yield server
    server.stop()


def test_a_backup_of_a_training_server_comes_back_and_trains_on(server, tmp_path):
    workspace = open_home(server.home)
    store = workspace.store
    dataset = import_folder(workspace, make_colours(tmp_path / "colours"))
    training = enqueue(workspace, run_config(dataset, frozen_stages=-2, image_size=32, epochs=200))

    def epochs():
        return store.get_run(training.id).epochs_done

    wait_until(lambda: epochs() >= 2, "the first epochs")
    file = tmp_path / "backup.zip"
    assert answer(run(server.home, "backup", file, "--json"))["runs"] == 1
    assert answer(run(server.home, "doctor", "--json")) == []
    assert "are training: pause or stop them" in complaint(
        run(server.home, "restore", file, "--replace")
    )
    store.request_cancel(training.id)
    wait_until(lambda: store.get_run(training.id).state is RunState.CANCELLED, "the end")
    done = epochs()
    assert answer(run(server.home, "restore", file, "--replace", "--json"))["runs"] == 1
    # In the backup it was running, and so it goes on by itself from where it was.
    wait_until(lambda: epochs() > 2, "the next epoch")
    points = store.list_metrics(training.id)
    assert len({point.seq for point in points}) == len(points) and done >= 2
    store.request_cancel(training.id)
    wait_until(lambda: store.get_run(training.id).state.is_finished, "the end")
    assert answer(run(server.home, "doctor", "--json")) == []
    store.close()
