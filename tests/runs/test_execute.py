"""Records of runs are correct however the runs end, and finished epochs are kept."""

import errno
import importlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from making_runs import TINY, WITH_BATCH_NORM, run_config

from tl_core.cancellation import Stop
from tl_core.config import RunConfig
from tl_core.datasets.importing import delete_dataset
from tl_core.evaluation import predict_batches
from tl_core.events import STAGES, BatchEnded, EpochEnded, Event
from tl_core.locks import try_lock
from tl_core.records import DatasetRecord, MetricPoint, Progress, Run, RunState
from tl_core.runners import InlineRunner, enqueue
from tl_core.runs.endings import with_ending
from tl_core.runs.execute import claim, execute_run
from tl_core.runs.recovery import recover_for_command
from tl_core.training import load_checkpoint
from tl_core.workspace import Workspace

FIT = importlib.import_module("tl_core.training.fit")
"""Module `fit`; the attribute of the package with that name is the function."""


def carry_out(workspace: Workspace, config: RunConfig, **how) -> Run:
    enqueue(workspace, config)
    with claim(workspace) as run:
        return execute_run(workspace, run, **how)


def on_nth(
    kind: type, n: int, act: Callable[[], object]
) -> Callable[[Event, Progress | None], None]:
    """Return a callback that calls `act` after the n-th event of a kind was recorded."""
    seen = itertools.count(1)

    def told(event: Event, _: Progress | None) -> None:
        if isinstance(event, kind) and next(seen) == n:
            act()

    return told


def points(workspace: Workspace, run: Run, split: str, name: str) -> list[MetricPoint]:
    return [p for p in workspace.store.list_metrics(run.id) if (p.split, p.name) == (split, name)]


def test_a_completed_run_has_all_it_promises(finished: tuple[Workspace, Run]):
    workspace, run = finished
    assert run.state is RunState.COMPLETED and run.message == "" and run.epochs_done == 3
    assert run.started_at <= run.finished_at
    assert [p.epoch for p in points(workspace, run, "val", "accuracy")] == [1, 2, 3]
    assert run.val_accuracy == points(workspace, run, "val", "accuracy")[run.best_epoch - 1].value
    assert {p.n for p in points(workspace, run, "train", "loss")} == {run.facts.splits.train}
    assert [p.seq for p in workspace.store.list_metrics(run.id)] == list(
        range(len(workspace.store.list_metrics(run.id)))
    )
    steps = points(workspace, run, "train", "batch_loss")
    assert [p.step for p in steps] == list(range(1, 1 + len(steps)))
    assert set(run.facts.seconds_by_stage) == set(STAGES)
    assert torch.__version__.startswith(run.facts.environment["torch"])
    assert (run.progress.stage, run.progress.fraction) == ("testing", 1.0)
    _, val = workspace.store.list_predictions(run.id, "val")
    assert len(val) == run.facts.splits.val
    _, test = workspace.store.list_predictions(run.id, "test")
    assert sum(p.is_right for p in test) / len(test) == run.result.accuracy


def test_predictions_that_are_not_finite_count_as_wrong(workspace, colours, monkeypatch):
    def broken(*arguments):
        for outputs in predict_batches(*arguments):
            logits = outputs.logits.clone()
            logits[::2] = torch.nan
            yield replace(outputs, logits=logits)

    monkeypatch.setattr("tl_core.training.testing.predict_batches", broken)
    run = InlineRunner(workspace).submit(run_config(colours, batch_size=4))
    _, test = workspace.store.list_predictions(run.id, "test")
    assert run.state is RunState.COMPLETED and not run.facts.train_check
    assert sum(not p.is_number for p in test) >= len(test) / 2
    assert run.result.accuracy == pytest.approx(sum(p.is_right for p in test) / len(test))
    assert run.result.accuracy <= 0.5


def test_the_same_choices_give_the_same_record(workspace: Workspace, colours: DatasetRecord):
    runs = [InlineRunner(workspace).submit(run_config(colours, augment="photos")) for _ in range(2)]
    assert runs[0].id != runs[1].id and runs[0].result == runs[1].result
    first, second = (workspace.store.list_metrics(run.id) for run in runs)
    assert first == second


def test_a_whole_network_from_scratch_is_repeated_to_the_last_digit(
    workspace: Workspace, colours: DatasetRecord
):
    config = run_config(colours, TINY, augment="photos", dropout=0.2, mixup=0.2)
    first, second = (InlineRunner(workspace).submit(config) for _ in range(2))
    assert first.state is RunState.COMPLETED and first.result == second.result
    assert workspace.store.list_metrics(first.id) == workspace.store.list_metrics(second.id)


def test_a_last_batch_of_one_tiny_image_is_learned_from(
    workspace: Workspace, colours: DatasetRecord
):
    # One image is left for the last batch, in which BatchNorm gets a single value per channel.
    n_train = 18
    config = run_config(colours, WITH_BATCH_NORM, image_size=32, batch_size=n_train - 1, epochs=1)
    run = InlineRunner(workspace).submit(config)
    assert (run.state, run.message) == (RunState.COMPLETED, "")
    assert run.facts.splits.train == n_train
    assert [p.n for p in points(workspace, run, "train", "batch_loss")] == [n_train - 1, 1]


def test_writing_an_event_twice_changes_nothing(finished: tuple[Workspace, Run]):
    workspace, run = finished
    before = workspace.store.list_metrics(run.id)
    workspace.store.append_metrics(run.id, before[1:3])
    assert workspace.store.list_metrics(run.id) == before


@pytest.mark.parametrize(("after", "kept"), [(BatchEnded, 0), (EpochEnded, 1)])
def test_a_cancelled_run_keeps_its_finished_epochs(
    workspace: Workspace, colours: DatasetRecord, after: type, kept: int
):
    def cancel() -> None:
        workspace.store.request_cancel(workspace.store.list_running_runs()[0].id)

    run = carry_out(workspace, run_config(colours, epochs=500), on_event=on_nth(after, 1, cancel))
    assert run.state is RunState.CANCELLED and run.result is None
    assert run.epochs_done >= kept
    epochs = [p.epoch for p in points(workspace, run, "val", "loss")]
    assert epochs == list(range(1, run.epochs_done + 1))
    if kept:
        assert f"the model of epoch {run.best_epoch}" in with_ending(workspace, run).message
        assert load_checkpoint(workspace.artifacts.checkpoint(run.id)).classes == colours.classes
    assert workspace.store.list_predictions(run.id, "test") == (0, [])


@pytest.mark.parametrize(
    ("after", "words"),
    [(BatchEnded, "starts again from the first epoch."), (EpochEnded, "can be resumed.")],
)
def test_a_run_that_is_asked_to_pause_pauses(
    workspace: Workspace, colours: DatasetRecord, after: type, words: str
):
    def pause() -> None:
        workspace.store.request_pause(workspace.store.list_running_runs()[0].id)
        # Training checks for requests a few times a second.
        time.sleep(0.5)

    run = carry_out(workspace, run_config(colours, epochs=500), on_event=on_nth(after, 1, pause))
    assert (run.state, run.finished_at, run.result) == (RunState.PAUSED, None, None)
    assert run.epochs_done == (after is EpochEnded)
    assert with_ending(workspace, run).message.endswith(words)
    assert workspace.artifacts.training_state(run.id).exists() is (after is EpochEnded)


def test_a_stop_after_the_test_figure_comes_too_late(workspace: Workspace, colours: DatasetRecord):
    def cancel_late(event: Event, _: object) -> None:
        if type(event).__name__ == "Tested":
            workspace.store.request_cancel(workspace.store.list_running_runs()[0].id)
            time.sleep(0.5)

    run = carry_out(workspace, run_config(colours, epochs=1), on_event=cancel_late)
    assert run.state is RunState.COMPLETED and run.result is not None and run.message == ""


def test_a_process_that_ends_interrupts_its_run(workspace: Workspace, colours: DatasetRecord):
    stopping = threading.Event()
    told = on_nth(EpochEnded, 1, stopping.set)
    run = carry_out(
        workspace, run_config(colours, epochs=500), on_event=told, stop=Stop(stopping.is_set)
    )
    assert run.state is RunState.INTERRUPTED and run.epochs_done >= 1 and run.result is None
    epochs = "1 finished epoch" if run.epochs_done == 1 else f"{run.epochs_done} finished epochs"
    assert f"The curves of its {epochs} are kept" in with_ending(workspace, run).message


def test_control_c_interrupts_the_run_and_is_raised_again(
    workspace: Workspace, colours: DatasetRecord
):
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(
            workspace, run_config(colours, epochs=3), on_event=on_nth(EpochEnded, 2, interrupt)
        )
    [run] = workspace.store.list_runs()
    assert run.state is RunState.INTERRUPTED and run.epochs_done == 2
    assert "its 2 finished epochs are kept" in with_ending(workspace, run).message


def test_divergence_fails_the_run_with_its_sentence(workspace: Workspace, colours: DatasetRecord):
    config = run_config(colours, optimizer="momentum", learning_rate=10, weight_decay=1, epochs=40)
    run = carry_out(workspace, config)
    assert run.state is RunState.FAILED
    assert run.message.startswith("The loss stopped being a number in epoch")


def test_a_dataset_deleted_under_a_queued_run_fails_it(
    workspace: Workspace, colours: DatasetRecord
):
    queued = enqueue(workspace, run_config(colours))
    workspace.artifacts.delete_dataset(colours.id)
    with claim(workspace) as run:
        done = execute_run(workspace, run)
    assert done.id == queued.id and done.state is RunState.FAILED
    assert "cannot be read any more" in done.message
    delete_dataset(workspace.store, workspace.artifacts, colours.id)


def raising(error: Exception) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you "
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
    ],
    ids=["cpu", "gpu", "python"],
)
def test_memory_that_ran_out_names_the_batch_size(
    workspace: Workspace, colours: DatasetRecord, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    monkeypatch.setattr(FIT, "_learn", raising(error))
    run = carry_out(workspace, run_config(colours, batch_size=6))
    assert run.state is RunState.FAILED
    assert run.message.startswith("Memory ran out with 6 images a step: try a batch size of 3")


def test_memory_that_really_ran_out_names_the_batch_size(
    workspace: Workspace, colours: DatasetRecord, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FIT, "_learn", lambda *_: torch.empty(2**60))
    run = carry_out(workspace, run_config(colours, batch_size=6))
    assert run.message.startswith("Memory ran out with 6 images a step")


def test_an_unexpected_error_is_a_sentence_and_in_the_log(
    workspace: Workspace,
    colours: DatasetRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(FIT, "_learn", raising(ZeroDivisionError("the allocation of blame")))
    run = carry_out(workspace, run_config(colours))
    assert run.state is RunState.FAILED
    assert "ZeroDivisionError: the allocation of blame" in run.message
    assert "Traceback" in caplog.text


def test_an_unexpected_error_names_no_folder_but_in_the_log(
    workspace: Workspace,
    colours: DatasetRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    place = workspace.settings.home / "model.tmp"
    monkeypatch.setattr(
        FIT, "_learn", raising(PermissionError(13, "Permission denied", str(place)))
    )
    run = carry_out(workspace, run_config(colours))
    assert "PermissionError: [Errno 13] Permission denied: 'model.tmp'" in run.message
    assert str(place) in caplog.text


def test_a_full_disk_fails_the_run_and_leaves_no_half_a_model(
    workspace: Workspace, colours: DatasetRecord, fill_disk_under: Callable[[Path], None]
):
    queued = enqueue(workspace, run_config(colours))
    folder = workspace.artifacts.run_folder(queued.id)
    folder.mkdir(parents=True)
    fill_disk_under(workspace.artifacts.checkpoint(queued.id))
    with claim(workspace) as claimed:
        run = execute_run(workspace, claimed)
    assert run.state is RunState.FAILED and run.message.startswith("The disk is full")
    assert list(folder.iterdir()) == []


def test_a_disk_without_space_is_reported(
    workspace: Workspace, colours: DatasetRecord, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FIT, "_learn", raising(OSError(errno.ENOSPC, "No space left on device")))
    assert carry_out(workspace, run_config(colours)).message.startswith("The disk is full")


def test_the_next_run_works_after_any_failure(
    workspace: Workspace, colours: DatasetRecord, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as broken:
        broken.setattr(FIT, "_learn", raising(RuntimeError("broken")))
        assert carry_out(workspace, run_config(colours)).state is RunState.FAILED
    assert carry_out(workspace, run_config(colours)).state is RunState.COMPLETED


TRAIN = """
import sys
from pathlib import Path
from tl_core.events import EpochEnded
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.workspace import open_workspace
sys.path.insert(0, sys.argv[3])
from making_runs import open_home, run_config

def tell(event, _):
    if isinstance(event, EpochEnded) and event.epoch == 2:
        print("two epochs", flush=True)

workspace = open_home(Path(sys.argv[1]))
config = run_config(workspace.store.get_dataset(sys.argv[2]), epochs=1000)
InlineRunner(workspace, tell).submit(config)
"""


def test_a_killed_run_is_found_with_its_epochs_and_the_next_one_works(
    workspace: Workspace, colours: DatasetRecord
):
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", TRAIN, str(workspace.settings.home), colours.id, tests]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout.readline() == "two epochs\n"
        assert recover_for_command(workspace) == []
        os.kill(process.pid, signal.SIGKILL)
    [running] = workspace.store.list_running_runs()
    assert recover_for_command(workspace) == [running.id]
    run = workspace.store.get_run(running.id)
    assert run.state is RunState.INTERRUPTED and run.epochs_done >= 2
    assert len(points(workspace, run, "val", "accuracy")) >= run.epochs_done
    load_checkpoint(workspace.artifacts.checkpoint(run.id))
    assert InlineRunner(workspace).submit(run_config(colours)).state is RunState.COMPLETED


def test_a_claimed_run_is_locked_until_its_end(workspace: Workspace, colours: DatasetRecord):
    queued = enqueue(workspace, run_config(colours))
    with claim(workspace) as run:
        assert run.id == queued.id and run.state is RunState.RUNNING
        with try_lock(workspace.artifacts.run_lock(run.id)) as free, claim(workspace) as second:
            assert not free and second is None
    with try_lock(workspace.artifacts.run_lock(queued.id)) as free:
        assert free
