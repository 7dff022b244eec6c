"""A worker that hangs is ended and its run goes on; one that computes for long is left alone."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from making_runs import TINY, run_config
from runners.waiting import finish, process_of, wait_for
from slow_steps import IS_BUSY, IS_DEAF, wait_until_gone, work_slowly

from benchmarks.forking import ForkingRunner
from tl_core.cli.work import work
from tl_core.records import DatasetRecord, RunState
from tl_core.runners import InlineRunner, ProcessRunner, pulse
from tl_core.workspace import Workspace

Make = Callable[..., ProcessRunner]


@pytest.fixture
def start(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a function that starts a runner which takes four seconds for the minute."""
    monkeypatch.setattr(pulse, "SILENT_SECONDS", 4.0)
    runners: list[ProcessRunner] = []

    def make(be_worker: Callable[[], object] = work) -> ProcessRunner:
        runner = ForkingRunner(workspace, be_worker)
        runners.append(runner)
        runner.start()
        return runner

    yield make
    for runner in runners:
        runner.shutdown()


def test_a_stopped_worker_is_ended_and_its_run_goes_on(
    workspace: Workspace, colours: DatasetRecord, start: Make
):
    runner = start()
    config = run_config(colours, {"dropout": 0.3}, augment="photos", epochs=60)
    run = runner.submit(config)
    wait_for(workspace, run, lambda run: run.epochs_done >= 2)
    assert runner.seconds_silent is not None
    worker = process_of(workspace, run)
    os.kill(worker, signal.SIGSTOP)
    done = finish(workspace, run)
    assert done.state is RunState.COMPLETED and process_of(workspace, run) != worker
    [note] = done.facts.notes
    assert "gave no sign of life for a minute, and was ended. It went on after epoch" in note
    assert done.facts.deaths == 1
    whole = InlineRunner(workspace).submit(config)
    assert workspace.store.list_metrics(done.id) == workspace.store.list_metrics(whole.id)


@pytest.mark.parametrize("how_slow", [IS_BUSY, IS_DEAF])
def test_a_step_that_computes_may_take_long_and_one_that_does_not_is_a_hang(
    workspace: Workspace, colours: DatasetRecord, start: Make, tmp_path: Path, how_slow: str
):
    flag = tmp_path / "flag"
    flag.write_text(how_slow)
    run = start(partial(work_slowly, flag)).submit(run_config(colours, TINY, epochs=3))
    wait_until_gone(flag)
    done = finish(workspace, run)
    assert done.state is RunState.COMPLETED
    assert done.facts.deaths == (how_slow == IS_DEAF)
