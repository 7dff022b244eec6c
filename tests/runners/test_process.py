"""Runs are carried out in a worker process, whose death the server survives and reports."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from making_runs import environment, run_config
from runners.waiting import finish, process_of, wait_for
from waiting import wait_until

from benchmarks.forking import ForkingRunner
from tl_core.records import DatasetRecord, RunState
from tl_core.runners import InlineRunner, ProcessRunner, ThreadRunner, make_server_runner
from tl_core.runners.process import how_it_ended
from tl_core.runs.endings import with_ending
from tl_core.workspace import Workspace, open_workspace

ROOT = Path(__file__).parents[2]
SERVE = """
import time
from tl_core.runners import ProcessRunner
from tl_core.workspace import open_workspace
ProcessRunner(open_workspace()).start()
time.sleep(600)
"""
NOTE_THE_TIME_AND_END = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n')"


@pytest.fixture
def forking(workspace: Workspace) -> Iterator[ForkingRunner]:
    """Start a runner whose workers need no time for imports."""
    started = ForkingRunner(workspace)
    started.start()
    yield started
    started.shutdown()


def test_a_killed_worker_costs_its_run_the_unfinished_epoch_and_nothing_else(
    workspace: Workspace, colours: DatasetRecord, forking: ForkingRunner
):
    config = run_config(colours, {"dropout": 0.3}, augment="photos", epochs=60)
    killed = forking.submit(config)
    wait_for(workspace, killed, lambda run: run.epochs_done >= 2)
    worker = process_of(workspace, killed)
    assert worker != os.getpid()
    os.kill(worker, signal.SIGKILL)

    # By itself.
    done = finish(workspace, killed)
    assert done.state is RunState.COMPLETED and process_of(workspace, killed) != worker
    assert (done.facts.deaths, done.facts.resumed, done.message) == (1, 1, "")
    [note] = done.facts.notes
    assert note.startswith(
        "The process that trained it was killed, as the system does when memory runs out. "
        "It went on after epoch "
    )
    whole = InlineRunner(workspace).submit(config)
    assert done.result == whole.result
    assert workspace.store.list_metrics(done.id) == workspace.store.list_metrics(whole.id)


def test_a_run_that_kills_every_worker_is_failed_with_what_is_kept_of_it(
    workspace: Workspace, colours: DatasetRecord, forking: ForkingRunner
):
    run = forking.submit(run_config(colours, epochs=1000))
    for _ in range(3):
        # The next worker trains an epoch further than the one before.
        done = workspace.store.get_run(run.id).epochs_done
        wait_for(workspace, run, lambda run, done=done: run.epochs_done > done)
        os.kill(process_of(workspace, run), signal.SIGKILL)
    failed = finish(workspace, run)
    assert failed.state is RunState.FAILED and failed.facts.deaths == 3
    told = with_ending(workspace, failed).message
    assert told.startswith("The process that trained it was killed, as the system does")
    assert "the last of 3 attempts" in told and "and it can be resumed" in told
    # The server goes on with others.
    after = finish(workspace, forking.submit(run_config(colours, epochs=1)))
    assert after.state is RunState.COMPLETED


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGKILL, "was killed, as the system does when memory runs out"),
        (-signal.SIGSEGV, "crashed (Segmentation fault)"),
        (-signal.SIGRTMAX, "crashed ("),
        (3, "ended with code 3"),
    ],
)
def test_causes_of_a_workers_death_are_told_apart(code: int, words: str):
    assert how_it_ended(code).startswith(words)


def test_a_shutdown_puts_the_run_back_and_ends_the_worker(
    workspace: Workspace, colours: DatasetRecord
):
    runner = ForkingRunner(workspace)
    runner.start()
    running, waiting = (runner.submit(run_config(colours, epochs=1000)) for _ in range(2))
    wait_for(workspace, running, lambda run: run.epochs_done >= 1)
    runner.shutdown()
    stopped = workspace.store.get_run(running.id)
    assert (stopped.state, stopped.facts.deaths) == (RunState.QUEUED, 0)
    assert stopped.epochs_done >= 1
    assert workspace.store.get_run(waiting.id).state is RunState.QUEUED
    assert workspace.store.claim_next_run().id == running.id
    with pytest.raises(ProcessLookupError):
        os.kill(process_of(workspace, running), 0)


def test_a_worker_ends_with_its_server_even_if_that_is_killed(
    workspace: Workspace, colours: DatasetRecord
):
    run = ThreadRunner(workspace).submit(run_config(colours, epochs=500))
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=ROOT, env=environment(workspace.settings.home)
    ) as server:
        wait_for(workspace, run, lambda run: run.epochs_done >= 1)
        server.send_signal(signal.SIGKILL)
    # The worker puts its run back itself, since no server is left.
    stopped = wait_for(workspace, run, lambda run: run.state is not RunState.RUNNING)
    assert stopped.state is RunState.QUEUED
    # Where no server is, the command line carries it out.
    done = InlineRunner(workspace).resume(run.id)
    assert done.state is RunState.COMPLETED


def test_the_operator_may_have_such_runs_interrupted(workspace: Workspace, colours: DatasetRecord):
    settings = workspace.settings.model_copy(update={"after_restart": "interrupt"})
    runner = ForkingRunner(replace(workspace, settings=settings))
    runner.start()
    run = runner.submit(run_config(colours, epochs=1000))
    wait_for(workspace, run, lambda run: run.epochs_done >= 1)
    runner.shutdown()
    stopped = workspace.store.get_run(run.id)
    assert stopped.state is RunState.INTERRUPTED
    assert "and it can be resumed" in with_ending(workspace, stopped).message


def test_a_worker_that_dies_at_once_is_restarted_at_increasing_intervals(
    workspace: Workspace, tmp_path: Path
):
    starts = tmp_path / "starts"
    runner = ProcessRunner(workspace, [sys.executable, "-c", NOTE_THE_TIME_AND_END, str(starts)])
    runner.start()
    wait_until(lambda: starts.exists() and starts.read_text().count("\n") >= 4, "the fourth start")
    runner.shutdown()
    times = [float(line) for line in starts.read_text().splitlines()]
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap > pause for gap, pause in zip(gaps, (0.2, 0.4, 0.8), strict=False))


def test_the_server_trains_by_itself_if_workers_fail_to_start(
    workspace: Workspace, colours: DatasetRecord
):
    runner = ProcessRunner(workspace, [sys.executable, "-c", "raise SystemExit(3)"])
    runner.start()
    run = runner.submit(run_config(colours))
    assert finish(workspace, run).state is RunState.COMPLETED
    assert process_of(workspace, run) == os.getpid()
    runner.shutdown()


def test_the_settings_choose_the_runner(workspace: Workspace):
    assert isinstance(make_server_runner(workspace), ProcessRunner)
    by_thread = workspace.settings.model_copy(update={"runner": "thread"})
    opened = open_workspace(by_thread)
    assert isinstance(make_server_runner(opened), ThreadRunner)
    opened.store.close()
