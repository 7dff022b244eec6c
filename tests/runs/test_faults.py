"""Faults of the machine end a run in a named state with a sentence, or cost it nothing."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from making_runs import TINY, open_home, run_config

from tl_core.errors import WeightsMismatch
from tl_core.events import BatchEnded, EpochEnded, Event
from tl_core.records import DatasetRecord, RunState
from tl_core.runners import InlineRunner, enqueue, work_loop
from tl_core.runs import execute
from tl_core.runs.summary import seconds_taken
from tl_core.store import states
from tl_core.workspace import Workspace

CUDA = "CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA`."


def at_first(kind: type[Event], act: Callable[[], object]) -> Callable[[Event, object], None]:
    """Return a callback that acts at the first event of a kind."""
    left = [act]

    def on_event(event: Event, _: object) -> None:
        if isinstance(event, kind) and left:
            left.pop()()

    return on_event


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training fail as a kernel on a GPU does, after which the GPU cannot be used."""

    def fail(_: object) -> Iterator[Event]:
        raise torch.AcceleratorError(CUDA)
        yield

    monkeypatch.setattr(execute, "run_experiment", fail)
    monkeypatch.setattr(work_loop, "is_gpu_usable", lambda: False)


@pytest.mark.usefixtures("broken_gpu")
def test_an_error_of_the_gpu_fails_the_run_and_a_fresh_worker_takes_the_next(
    workspace: Workspace, colours: DatasetRecord
):
    failing, waiting = (enqueue(workspace, run_config(colours)) for _ in range(2))
    work_loop.work_through_queue(workspace, threading.Event(), threading.Event(), is_replaced=True)
    failed = workspace.store.get_run(failing.id)
    assert failed.state is RunState.FAILED and failed.message == (
        "The GPU reported an error (CUDA error: device-side assert triggered). The next run gets a "
        "fresh process; should it happen again, the GPU or its driver needs a look."
    )
    assert workspace.store.get_run(waiting.id).state is RunState.QUEUED


def test_images_that_vanish_in_mid_run_fail_it_by_name(
    workspace: Workspace, colours: DatasetRecord
):
    without_cache = replace(workspace, cache=None)
    delete = at_first(EpochEnded, lambda: workspace.artifacts.delete_dataset(colours.id))
    run = InlineRunner(without_cache, delete).submit(run_config(colours, TINY, epochs=50))
    assert run.state is RunState.FAILED and run.epochs_done >= 1
    assert "cannot be read any more" in run.message and ".png" in run.message


def test_a_damaged_cache_costs_time_alone(workspace: Workspace, colours: DatasetRecord):
    whole = InlineRunner(workspace).submit(run_config(colours))
    segments = [
        path
        for path in workspace.cache.folder.rglob("*")
        if path.is_file() and path.stat().st_size > 1000
    ]
    for path in segments:
        content = path.read_bytes()
        # A new file, as the old one is mapped by this process.
        path.unlink()
        path.write_bytes(content[:-400] + bytes(byte ^ 255 for byte in content[-400:]))
    assert segments
    opened = open_home(workspace.settings.home)
    run = InlineRunner(opened).submit(whole.config)
    assert (run.state, run.message, run.result) == (RunState.COMPLETED, "", whole.result)
    assert opened.store.list_metrics(run.id) == opened.store.list_metrics(whole.id)
    opened.store.close()


def test_damaged_weights_are_refused_before_the_queue_and_named_after_it(
    workspace: Workspace, colours: DatasetRecord, tmp_path: Path
):
    settings = workspace.settings.model_copy(update={"weights_folder": tmp_path})
    opened = replace(workspace, settings=settings)
    config = run_config(colours, {"backbone": "resnet18"}, frozen_stages="all")
    weights = tmp_path / "resnet18.safetensors"
    weights.write_bytes(b"\x10\0\0\0\0\0\0\0 nothing of the sort")
    with pytest.raises(WeightsMismatch, match=r"resnet18\.safetensors"):
        InlineRunner(opened).submit(config)
    assert workspace.store.list_runs() == []


def test_a_clock_that_is_set_back_harms_nothing(
    workspace: Workspace, colours: DatasetRecord, monkeypatch: pytest.MonkeyPatch
):
    now = states.time.time
    set_back = at_first(
        BatchEnded, lambda: monkeypatch.setattr(states.time, "time", lambda: now() - 3600)
    )
    run = InlineRunner(workspace, set_back).submit(run_config(colours))
    assert run.state is RunState.COMPLETED and run.finished_at < run.started_at
    assert 0 < seconds_taken(run) < 3600
    after = InlineRunner(workspace).submit(run_config(colours))
    assert [each.id for each in workspace.store.list_runs()] == [after.id, run.id]
