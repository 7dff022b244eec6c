"""Runs of killed processes are recovered, and those of living processes are left alone."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.files import write_whole
from tl_core.locks import hold_lock, try_lock
from tl_core.records import Run, RunState, TestResult
from tl_core.store import Artifacts, Death, SqlStore, recover_runs

HOLD_A_RUN = """
import multiprocessing, sys, time
from pathlib import Path
from tl_core.locks import try_lock
from tl_core.store import Artifacts, open_store
url, home, run_id = sys.argv[1:]
with try_lock(Artifacts(Path(home)).run_lock(run_id)):
    open_store(url).claim_run(run_id)
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))
    worker.start()
    print(worker.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path)


@pytest.fixture
def executing(url: str, store: SqlStore, config: RunConfig, tmp_path: Path):
    """Start a process, with a worker of its own, that executes a run; return run and process."""
    run = store.add_run(config, "flowers")
    command = [sys.executable, "-c", HOLD_A_RUN, url, str(tmp_path), run.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        yield run, process
        process.kill()
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("resumes", [True, False])
def test_a_run_whose_process_was_killed_waits_for_its_turn_or_is_interrupted(
    store: SqlStore, artifacts: Artifacts, executing, resumes: bool
):
    run, process = executing
    later = store.add_run(run.config, "flowers")
    store.update_run(run.id, epochs_done=2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert recover_runs(store, artifacts, which=lambda run: False) == []
    assert recover_runs(store, artifacts, resumes=lambda run: resumes) == [run.id]
    stopped = store.get_run(run.id)
    assert stopped.state is (RunState.QUEUED if resumes else RunState.INTERRUPTED)
    assert (stopped.message, stopped.epochs_done, stopped.facts.deaths) == ("", 2, 0)
    assert stopped.facts.resumed == resumes
    assert recover_runs(store, artifacts) == []
    # At its old place in the queue.
    assert store.claim_next_run().id == (run.id if resumes else later.id)


def test_what_a_killed_process_was_writing_is_removed(
    store: SqlStore, artifacts: Artifacts, executing
):
    run, process = executing
    kept = artifacts.outputs(run.id) / "val.safetensors"
    write_whole(kept, b"outputs")
    for folder in (artifacts.run_folder(run.id), kept.parent):
        (folder / f".{'0' * 32}.unfinished").touch()
    assert recover_runs(store, artifacts) == []
    assert len(list(artifacts.run_folder(run.id).rglob("*.unfinished"))) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert recover_runs(store, artifacts) == [run.id]
    found = artifacts.run_folder(run.id).rglob("*")
    assert [path for path in found if path.is_file()] == [kept]


def test_a_run_of_a_living_process_goes_on(store: SqlStore, artifacts: Artifacts, executing):
    run, _ = executing
    assert recover_runs(store, artifacts) == []
    assert store.get_run(run.id).state is RunState.RUNNING


def test_a_run_that_this_process_executes_goes_on(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run = store.add_run(config, "flowers")
    with try_lock(artifacts.run_lock(run.id)):
        store.claim_run(run.id)
        assert recover_runs(store, artifacts) == []
    assert store.get_run(run.id).state is RunState.RUNNING


def test_a_run_between_being_claimed_and_being_locked_goes_on(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run = store.add_run(config, "flowers")
    with ThreadPoolExecutor(1) as pool:
        with hold_lock(artifacts.claim_lock), ExitStack() as locked:
            store.claim_run(run.id)
            looking = pool.submit(recover_runs, store, artifacts)
            with pytest.raises(TimeoutError):
                looking.result(timeout=0.3)
            locked.enter_context(try_lock(artifacts.run_lock(run.id)))
            still_locked = locked.pop_all()
        with still_locked:
            assert looking.result(timeout=30) == []
    assert store.get_run(run.id).state is RunState.RUNNING


def test_queued_and_finished_runs_do_not_change(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    queued, finished = (store.add_run(config, "flowers") for _ in range(2))
    store.finish_run(finished.id, RunState.COMPLETED)
    before = store.list_runs()
    assert recover_runs(store, artifacts) == []
    assert store.list_runs() == before
    assert store.claim_next_run().id == queued.id


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.PAUSED])
def test_a_run_that_was_killed_for_not_stopping_has_stopped_as_asked(
    store: SqlStore, artifacts: Artifacts, config: RunConfig, state: RunState
):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.update_run(run.id, epochs_done=2)
    if state is RunState.PAUSED:
        store.request_pause(run.id)
    else:
        store.request_cancel(run.id)
    artifacts.run_process(run.id).parent.mkdir(exist_ok=True)
    artifacts.run_process(run.id).write_text("71")
    death = Death(71, "The process that trained it was killed.")
    assert recover_runs(store, artifacts, death) == [run.id]
    stopped = store.get_run(run.id)
    assert stopped.state is state
    assert (stopped.message, stopped.epochs_done) == ("", 2)


def test_a_run_that_was_killed_after_its_test_is_completed(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    result = TestResult(10, 0.1, 0.9, 0.8, 0.7, 0.6, 0.5)
    store.update_run(run.id, epochs_done=2, result=result)
    store.request_cancel(run.id)
    recover_runs(store, artifacts)
    done = store.get_run(run.id)
    assert (done.state, done.message, done.result) == (RunState.COMPLETED, "", result)


def test_only_the_run_of_a_dead_process_gets_its_message(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    its_own, another = (store.add_run(config, "flowers") for _ in range(2))
    for run, process_id in ((its_own, 71), (another, 7)):
        store.claim_run(run.id)
        artifacts.run_process(run.id).parent.mkdir(exist_ok=True)
        artifacts.run_process(run.id).write_text(str(process_id))
    death = Death(71, "The process that trained it was killed.")
    recover_runs(store, artifacts, death, resumes=lambda run: False)
    assert store.get_run(its_own.id).message == "The process that trained it was killed."
    assert store.get_run(another.id).message == ""


def die(store: SqlStore, artifacts: Artifacts, run_id: str, death: Death | None) -> Run:
    """Let the process of a run end, and return what becomes of the run."""
    store.claim_run(run_id)
    artifacts.run_process(run_id).parent.mkdir(exist_ok=True)
    artifacts.run_process(run_id).write_text("71 server")
    recover_runs(store, artifacts, death)
    return store.get_run(run_id)


KILLED = Death(71, "The process that trained it was killed.")
BY_ITS_SERVER = Death(71, "", is_deadly=False)


def test_a_run_that_has_cost_three_workers_has_failed(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run_id = store.add_run(config, "flowers").id
    for epochs_done in (0, 3):
        store.update_run(run_id, epochs_done=epochs_done)
        for death in (KILLED, BY_ITS_SERVER):
            assert die(store, artifacts, run_id, death).state is RunState.QUEUED
    run = die(store, artifacts, run_id, KILLED)
    assert run.state is RunState.FAILED and run.message.startswith(
        "The process that trained it was killed. That was the last of 3 attempts"
    )
    assert run.facts.notes == (
        "The process that trained it was killed. It went on from its start.",
        "The process that trained it was killed. It went on after epoch 3.",
    )
    # A person who resumes it gives it all its attempts again.
    store.queue_again(run_id)
    again = die(store, artifacts, run_id, KILLED)
    assert (again.state, again.facts.deaths) == (RunState.QUEUED, 1)


def test_an_end_of_server_and_worker_counts_only_while_the_run_comes_no_further(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run_id = store.add_run(config, "flowers").id
    for epochs_done in range(10):
        store.update_run(run_id, epochs_done=epochs_done)
        assert die(store, artifacts, run_id, None).state is RunState.QUEUED
    states = [die(store, artifacts, run_id, None).state for _ in range(3)]
    assert states == [RunState.QUEUED, RunState.QUEUED, RunState.FAILED]
    assert "ended before the run came any further" in store.get_run(run_id).message
