"""Stop and Pause take effect within seconds during long steps, and keep finished epochs."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from making_runs import TINY, run_config
from runners.waiting import finish, process_of, wait_for
from slow_steps import HEEDS_SIGNALS, IS_DEAF, wait_until_gone, work_slowly

from benchmarks.forking import ForkingRunner
from tl_core.cli.work import work
from tl_core.config import RunConfig
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.locks import try_lock
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runners import InlineRunner, ProcessRunner, overdue
from tl_core.runners.overdue import LOOK_SECONDS, PATIENCE_SECONDS, OverdueStops
from tl_core.runs.endings import with_ending
from tl_core.training import load_checkpoint
from tl_core.workspace import Workspace

STOPS_WITHIN = 30.0
"""Limit in seconds; an idle machine needs three, while the slow steps take minutes."""


@contextmanager
def running(
    workspace: Workspace, be_worker: Callable[[], object] = work
) -> Iterator[ProcessRunner]:
    runner = ForkingRunner(workspace, be_worker)
    runner.start()
    try:
        yield runner
    finally:
        runner.shutdown()


@dataclass
class SlowRunner:
    """Runs the queue with workers of which the first hangs in a run's second epoch."""

    workspace: Workspace
    runner: ProcessRunner
    flag: Path

    def submit(self, config: RunConfig, how_slow: str) -> Run:
        self.flag.write_text(how_slow)
        return self.runner.submit(config)

    def wait_for_slow_step(self, run: Run) -> None:
        wait_for(self.workspace, run, lambda run: run.epochs_done == 1)
        wait_until_gone(self.flag)


@pytest.fixture
def slow(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[SlowRunner]:
    flag = tmp_path / "flag"
    with running(workspace, partial(work_slowly, flag)) as runner:
        yield SlowRunner(workspace, runner, flag)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("state", "how_slow"),
    [
        (RunState.CANCELLED, HEEDS_SIGNALS),
        (RunState.PAUSED, IS_DEAF),
        pytest.param(RunState.CANCELLED, IS_DEAF, marks=pytest.mark.slow),
        pytest.param(RunState.PAUSED, HEEDS_SIGNALS, marks=pytest.mark.slow),
    ],
)
def test_in_mid_step_a_run_stops_within_seconds_and_the_queue_goes_on(
    workspace: Workspace, colours: DatasetRecord, slow: SlowRunner, state: RunState, how_slow: str
):
    config = run_config(colours, TINY, dropout=0.3, augment="photos", epochs=3)
    run = slow.submit(config, how_slow)
    waiting = slow.runner.submit(run_config(colours, TINY, epochs=1))
    slow.wait_for_slow_step(run)
    worker = process_of(workspace, run)

    asked = time.monotonic()
    if state is RunState.PAUSED:
        workspace.store.request_pause(run.id)
    else:
        workspace.store.request_cancel(run.id)
    stopped = wait_for(workspace, run, lambda run: run.state is not RunState.RUNNING)
    assert time.monotonic() - asked <= STOPS_WITHIN
    assert (stopped.state, stopped.epochs_done, stopped.result) == (state, 1, None)
    told = with_ending(workspace, stopped).message
    assert "finished epoch" in told and "can be resumed" in told and "memory" not in told
    checkpoint = load_checkpoint(workspace.artifacts.checkpoint(run.id))
    assert checkpoint.classes == colours.classes

    assert finish(workspace, waiting).state is RunState.COMPLETED
    assert process_of(workspace, waiting) != worker

    slow.runner.resume(run.id)
    resumed = finish(workspace, run)
    undisturbed = InlineRunner(workspace).submit(config)
    assert resumed.state is RunState.COMPLETED and resumed.result == undisturbed.result
    assert _epoch_figures(workspace, resumed) == _epoch_figures(workspace, undisturbed)


def _epoch_figures(workspace: Workspace, run: Run) -> list[tuple[int, str, str, float]]:
    points = workspace.store.list_metrics(run.id)
    return [(p.epoch, p.split, p.name, p.value) for p in points if p.name != "batch_loss"]


def test_the_largest_step_there_is_stops_within_seconds(workspace: Workspace):
    """Stop VGG-16 from scratch, with 32 images a step, while it is built and within a step."""
    shapes = import_dataset(
        workspace.store,
        workspace.artifacts,
        sample_source("shapes"),
        name="shapes",
        limits=workspace.settings.limits,
    ).record
    model = {"backbone": "vgg16", "pretrained": False, "frozen_stages": 0, "image_size": 224}
    with running(workspace) as runner:
        for stage, pause in (("training", 2.0), ("reading images", 0.0)):
            run = runner.submit(run_config(shapes, model, batch_size=32))
            wait_for(
                workspace,
                run,
                lambda run, stage=stage: run.progress and run.progress.stage == stage,
            )
            time.sleep(pause)
            asked = time.monotonic()
            workspace.store.request_cancel(run.id)
            assert finish(workspace, run).state is RunState.CANCELLED
            assert time.monotonic() - asked <= STOPS_WITHIN, f"{pause} s into {stage}"


def test_a_worker_that_stops_by_itself_is_kept(workspace: Workspace, colours: DatasetRecord):
    with running(workspace) as runner:
        run = runner.submit(run_config(colours, TINY, epochs=1000))
        wait_for(workspace, run, lambda run: run.epochs_done >= 1)
        worker = process_of(workspace, run)
        workspace.store.request_pause(run.id)
        paused = wait_for(workspace, run, lambda run: run.state is RunState.PAUSED)
        told = with_ending(workspace, paused).message
        assert told.startswith("Paused after ") and "The curves of its" in told
        time.sleep(PATIENCE_SECONDS + 0.5)
        following = finish(workspace, runner.submit(run_config(colours, TINY, epochs=1)))
        assert process_of(workspace, following) == worker


def test_a_shutdown_in_mid_step_takes_seconds_and_is_not_held_against_the_run(
    workspace: Workspace, colours: DatasetRecord, slow: SlowRunner
):
    run = slow.submit(run_config(colours, TINY, epochs=3), IS_DEAF)
    slow.wait_for_slow_step(run)
    asked = time.monotonic()
    slow.runner.shutdown()
    assert time.monotonic() - asked < STOPS_WITHIN
    stopped = workspace.store.get_run(run.id)
    assert (stopped.state, stopped.facts.deaths) == (RunState.QUEUED, 0)
    assert (stopped.facts.notes, stopped.epochs_done) == ((), 1)


# Only the worker whose run it is


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that advances the clock."""
    ahead = [0.0]
    clock = time.monotonic
    monkeypatch.setattr(overdue.time, "monotonic", lambda: clock() + ahead[0])
    return lambda seconds: ahead.append(ahead.pop() + seconds)


@contextmanager
def executing(workspace: Workspace, run: Run, process_id: int) -> Iterator[None]:
    lock = workspace.artifacts.run_lock(run.id)
    with try_lock(lock):
        workspace.artifacts.run_process(run.id).write_text(str(process_id))
        yield


def test_it_is_ended_once_its_run_is_overdue_and_not_before(
    workspace: Workspace,
    colours: DatasetRecord,
    worker: subprocess.Popen[bytes],
    later: Callable[[float], None],
):
    run = workspace.store.add_run(run_config(colours), "colours")
    workspace.store.claim_run(run.id)
    stops = OverdueStops(workspace, worker)
    with executing(workspace, run, worker.pid):
        later(PATIENCE_SECONDS + 1)
        assert not stops.end_worker_if_overdue(), "nobody has asked"
        workspace.store.request_pause(run.id)
        assert not stops.end_worker_if_overdue()
        later(PATIENCE_SECONDS - 2 * LOOK_SECONDS)
        assert not stops.end_worker_if_overdue() and worker.poll() is None
        later(LOOK_SECONDS)
        assert stops.end_worker_if_overdue()
    assert worker.returncode == -signal.SIGTERM


def test_a_worker_that_went_on_to_another_run_is_left_alone(
    workspace: Workspace,
    colours: DatasetRecord,
    worker: subprocess.Popen[bytes],
    later: Callable[[float], None],
):
    asked, following = (workspace.store.add_run(run_config(colours), "colours") for _ in range(2))
    workspace.store.claim_run(asked.id)
    workspace.store.request_cancel(asked.id)
    stops = OverdueStops(workspace, worker)
    with executing(workspace, asked, worker.pid):
        assert not stops.end_worker_if_overdue()
    workspace.store.finish_run(asked.id, RunState.CANCELLED)
    workspace.store.claim_run(following.id)
    later(PATIENCE_SECONDS + 1)
    with executing(workspace, following, worker.pid):
        assert not stops.end_worker_if_overdue()
    assert worker.poll() is None


def test_a_run_of_another_process_is_left_alone(
    workspace: Workspace,
    colours: DatasetRecord,
    worker: subprocess.Popen[bytes],
    later: Callable[[float], None],
):
    run = workspace.store.add_run(run_config(colours), "colours")
    workspace.store.claim_run(run.id)
    workspace.store.request_cancel(run.id)
    stops = OverdueStops(workspace, worker)
    with executing(workspace, run, os.getpid()):
        assert not stops.end_worker_if_overdue()
        later(PATIENCE_SECONDS + 1)
        assert not stops.end_worker_if_overdue()
    assert worker.poll() is None
