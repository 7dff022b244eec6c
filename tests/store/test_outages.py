"""A database that is restarted costs time and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from making_runs import import_folder, run_config
from sqlalchemy import event

from tl_core.config import RunConfig
from tl_core.errors import StoreAway
from tl_core.events import EpochEnded, Event
from tl_core.records import DatasetRecord, MetricPoint, Progress, Run, RunState
from tl_core.runners import InlineRunner, ThreadRunner, work_loop
from tl_core.runs import execute
from tl_core.serving import make_api
from tl_core.settings import Settings
from tl_core.store import SqlStore
from tl_core.store.patience import waiting_for_store
from tl_core.workspace import Workspace, open_workspace

Away = Callable[[float], None]


@pytest.fixture
def house(tmp_path: Path, postgres_url: str) -> Iterator[Workspace]:
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=postgres_url))
    yield opened
    opened.store.close()


@pytest.fixture
def dataset(house: Workspace, colours_folder: Path) -> DatasetRecord:
    return import_folder(house, colours_folder)


def test_reads_and_writes_wait_for_a_server_that_restarts(
    house: Workspace, config: RunConfig, restart: Away
):
    store = house.store
    run = store.add_run(config, "flowers")
    point = MetricPoint(0, 1, 1, "val", "loss", 0.5, 3)
    going = threading.Thread(target=restart, args=[1.0])
    going.start()
    written = 0
    with waiting_for_store(60):
        while going.is_alive():
            store.append_metrics(run.id, [point])
            store.update_run(run.id, progress=Progress("training", 0.5))
            assert store.get_run(run.id).id == run.id
            assert store.list_metrics(run.id) == [point]
            written += 1
    going.join()
    assert written


def test_who_does_not_wait_is_told_what_is_away(house: Workspace, restart: Away):
    going = threading.Thread(target=restart, args=[4.0])
    going.start()
    with waiting_for_store(0), pytest.raises(StoreAway, match=r"The store at PostgreSQL .* cannot"):
        while going.is_alive():
            house.store.list_running_runs()
    going.join()
    assert house.store.list_running_runs() == []


def test_programs_are_told_to_try_again():
    api = make_api()

    @api.get("/api/away")
    def away() -> None:
        raise StoreAway("The store at PostgreSQL this machine/x cannot be used: it is away.")

    answer = TestClient(api).get("/api/away")
    assert answer.status_code == 503 and "The store at PostgreSQL" in answer.json()["error"]


def test_a_restart_of_the_server_costs_a_run_nothing(
    house: Workspace, dataset: DatasetRecord, finished: tuple[Workspace, Run], restart: Away
):
    away = threading.Thread(target=restart, args=[1.0])

    def on_event(happened: Event, _: object) -> None:
        if isinstance(happened, EpochEnded) and happened.epoch == 1:
            away.start()

    run = InlineRunner(house, on_event).submit(run_config(dataset, epochs=3))
    away.join()
    workspace, whole = finished
    assert (run.state, run.message, run.facts.notes) == (RunState.COMPLETED, "", ())
    assert run.result == whole.result
    assert house.store.list_metrics(run.id) == workspace.store.list_metrics(whole.id)


def test_after_a_longer_outage_a_run_goes_on_and_says_why(
    house: Workspace, dataset: DatasetRecord, restart: Away, monkeypatch: pytest.MonkeyPatch
):
    for module in (execute, work_loop):
        monkeypatch.setattr(module, "WORK_SECONDS", 0.2)
    runner = ThreadRunner(house)
    run = runner.submit(run_config(dataset, epochs=200))
    runner.start()

    def now() -> Run:
        with waiting_for_store(60):
            return house.store.get_run(run.id)

    while now().epochs_done < 2:
        time.sleep(0.05)
    restart(4.0)
    while not now().state.is_finished:
        time.sleep(0.05)
    runner.shutdown()
    assert now().state is RunState.COMPLETED and now().facts.deaths == 0
    [note] = now().facts.notes
    assert note.startswith("The store did not answer for two minutes")
    assert " It went on after epoch " in note


def test_what_may_have_been_done_is_not_done_twice(store: SqlStore, config: RunConfig):
    """A connection lost at the end of a transaction leaves open whether it was committed."""
    run = store.add_run(config, "flowers")
    lost = []

    def lose(_: object) -> None:
        lost.append(1)
        raise StoreAway("gone")

    with waiting_for_store(0.3):
        event.listen(store._engine, "commit", lose)
        with pytest.raises(StoreAway):
            store.add_run(config, "flowers")
        assert len(lost) == 1
        with pytest.raises(StoreAway):
            store.update_run(run.id, epochs_done=1)
        assert len(lost) > 3
        event.remove(store._engine, "commit", lose)
    assert store.list_runs() == [run]
