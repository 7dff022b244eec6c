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
from tl_core.records import RunState, TestResult
from tl_core.store import Artifacts, Death, SqlStore, fail_stale_runs

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


def test_a_run_whose_process_was_killed_is_interrupted(
    store: SqlStore, artifacts: Artifacts, executing
):
    run, process = executing
    store.update_run(run.id, epochs_done=2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert fail_stale_runs(store, artifacts) == [run.id]
    stopped = store.get_run(run.id)
    assert stopped.state is RunState.INTERRUPTED
    assert (stopped.message, stopped.epochs_done) == ("", 2)
    assert fail_stale_runs(store, artifacts) == []


def test_what_a_killed_process_was_writing_is_removed(
    store: SqlStore, artifacts: Artifacts, executing
):
    run, process = executing
    kept = artifacts.outputs(run.id) / "val.safetensors"
    write_whole(kept, b"outputs")
    for folder in (artifacts.run_folder(run.id), kept.parent):
        (folder / f".{'0' * 32}.unfinished").touch()
    assert fail_stale_runs(store, artifacts) == []
    assert len(list(artifacts.run_folder(run.id).rglob("*.unfinished"))) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert fail_stale_runs(store, artifacts) == [run.id]
    found = artifacts.run_folder(run.id).rglob("*")
    assert [path for path in found if path.is_file()] == [kept]


def test_a_run_of_a_living_process_goes_on(store: SqlStore, artifacts: Artifacts, executing):
    run, _ = executing
    assert fail_stale_runs(store, artifacts) == []
    assert store.get_run(run.id).state is RunState.RUNNING


def test_a_run_that_this_process_executes_goes_on(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run = store.add_run(config, "flowers")
    with try_lock(artifacts.run_lock(run.id)):
        store.claim_run(run.id)
        assert fail_stale_runs(store, artifacts) == []
    assert store.get_run(run.id).state is RunState.RUNNING


def test_a_run_between_being_claimed_and_being_locked_goes_on(
    store: SqlStore, artifacts: Artifacts, config: RunConfig
):
    run = store.add_run(config, "flowers")
    with ThreadPoolExecutor(1) as pool:
        with hold_lock(artifacts.claim_lock), ExitStack() as locked:
            store.claim_run(run.id)
            looking = pool.submit(fail_stale_runs, store, artifacts)
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
    assert fail_stale_runs(store, artifacts) == []
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
    assert fail_stale_runs(store, artifacts, death) == [run.id]
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
    fail_stale_runs(store, artifacts)
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
    fail_stale_runs(store, artifacts, death)
    assert store.get_run(its_own.id).message == "The process that trained it was killed."
    assert store.get_run(another.id).message == ""
