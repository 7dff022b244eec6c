"""Stopped runs continue as if they had never stopped: by hand, after a kill, beyond their end."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from making_runs import TINY, WITH_BATCH_NORM, environment, run_config
from waiting import wait_until

from tl_core.config import RunConfig
from tl_core.datasets.importing import delete_dataset
from tl_core.errors import ConfigError, RunNotReady, UnknownDataset, UnknownRun
from tl_core.events import BatchEnded, EpochEnded, Event
from tl_core.outputs import list_epochs
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runners import InlineRunner, ThreadRunner, enqueue, resume
from tl_core.runs.endings import can_resume, with_ending
from tl_core.runs.recording import Recorder
from tl_core.runs.recovery import recover_for_command
from tl_core.runs.summary import seconds_taken
from tl_core.workspace import Workspace

ROOT = Path(__file__).parents[2]
KILLED_IN_THE_SECOND_EPOCH = """
import os, signal, sys
from tl_core.config import RunConfig
from tl_core.events import BatchEnded
from tl_core.runners import InlineRunner
from tl_core.workspace import open_workspace

def told(happened, _):
    if isinstance(happened, BatchEnded) and happened.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)

InlineRunner(open_workspace(), told).submit(RunConfig.model_validate_json(sys.argv[1]))
"""


def stop_at(
    workspace: Workspace, config: RunConfig, event: type, epoch: int, ask: str = "pause"
) -> Run:
    """Train, and ask the run to stop at an event of an epoch."""

    def on_event(happened: Event, _: object) -> None:
        if isinstance(happened, event) and happened.epoch == epoch:
            for run in workspace.store.list_running_runs():
                getattr(workspace.store, f"request_{ask}")(run.id)
            # Training checks for requests a few times a second.
            time.sleep(0.35)

    return InlineRunner(workspace, on_event).submit(config)


def figures(workspace: Workspace, run: Run) -> list[object]:
    """List everything that a run has measured."""
    reported = [workspace.store.list_predictions(run.id, split) for split in ("val", "test")]
    metrics = workspace.store.list_metrics(run.id)
    outputs = outputs_of(workspace, run)
    return [run.epochs_done, run.best_epoch, run.result, metrics, *reported, outputs]


def model_files(workspace: Workspace, run: Run) -> list[bytes]:
    artifacts = workspace.artifacts
    return [path(run.id).read_bytes() for path in (artifacts.checkpoint, artifacts.training_state)]


def outputs_of(workspace: Workspace, run: Run) -> dict[Path, bytes]:
    """Read the model's stored outputs, by file."""
    folder = workspace.artifacts.outputs(run.id)
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*.*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(finished: tuple[Workspace, Run]) -> tuple[Workspace, Run]:
    """Uninterrupted run, with randomness in every part and two phases, which are hard to resume."""
    workspace, run = finished
    settings = {
        "augment": "photos", "dropout": 0.3, "epochs": 4, "unfreeze": "two-phase", "head_epochs": 2,
        "frozen_stages": -1, "image_size": 64, "ema": 0.5, "optimizer": "adam",
    }  # fmt: skip
    dataset = workspace.store.get_dataset(run.config.data.dataset_id)
    return workspace, InlineRunner(workspace).submit(run_config(dataset, settings))


@pytest.mark.parametrize(
    ("event", "epoch"),
    [(BatchEnded, 1), (EpochEnded, 1), (EpochEnded, 2), (BatchEnded, 3), (EpochEnded, 4)],
    ids=[
        "in the first epoch",
        "between epochs",
        "between phases",
        "in the second phase",
        "before the test",
    ],
)
def test_a_paused_run_goes_on_as_if_it_had_not_stopped(
    whole: tuple[Workspace, Run], event: type, epoch: int
):
    workspace, whole = whole
    paused = stop_at(workspace, whole.config, event, epoch)
    assert (paused.state, paused.epochs_done) == (RunState.PAUSED, epoch - (event is BatchEnded))
    assert can_resume(workspace, paused)
    resumed = InlineRunner(workspace).resume(paused.id[:5])
    assert (resumed.id, resumed.state, resumed.message) == (paused.id, RunState.COMPLETED, "")
    assert resumed.facts.resumed == 1
    before = sum(paused.facts.seconds_by_stage.values())
    assert seconds_taken(resumed) >= sum(resumed.facts.seconds_by_stage.values()) > before > 0
    assert figures(workspace, resumed) == figures(workspace, whole)


def test_a_run_can_be_paused_again_and_again(workspace: Workspace, colours: DatasetRecord):
    config = run_config(colours, TINY, epochs=3)
    whole = InlineRunner(workspace).submit(config)
    run = stop_at(workspace, config, BatchEnded, 2)

    def pause_later(happened: Event, _: object) -> None:
        if isinstance(happened, BatchEnded) and happened.epoch == 3:
            workspace.store.request_pause(run.id)
            time.sleep(0.35)

    again = InlineRunner(workspace, pause_later).resume(run.id)
    assert (again.state, again.epochs_done) == (RunState.PAUSED, 2)
    done = InlineRunner(workspace).resume(run.id)
    assert done.facts.resumed == 2 and figures(workspace, done) == figures(workspace, whole)


def test_a_run_that_was_cancelled_can_be_resumed_with_more_epochs(
    workspace: Workspace, colours: DatasetRecord
):
    run = stop_at(workspace, run_config(colours, epochs=50), EpochEnded, 1, ask="cancel")
    assert run.state is RunState.CANCELLED
    assert with_ending(workspace, run).message.endswith("and it can be resumed.")
    done = InlineRunner(workspace).resume(run.id, epochs=run.epochs_done + 1)
    assert (done.state, done.epochs_done) == (RunState.COMPLETED, run.epochs_done + 1)
    assert done.config.train.epochs == done.epochs_done


def test_a_paused_run_may_be_tested_as_it_is(workspace: Workspace, colours: DatasetRecord):
    run = stop_at(workspace, run_config(colours, epochs=50), EpochEnded, 2)
    done = InlineRunner(workspace).resume(run.id, epochs=run.epochs_done)
    assert done.state is RunState.COMPLETED and done.epochs_done == run.epochs_done and done.result


def test_a_run_that_failed_can_be_resumed(workspace: Workspace, colours: DatasetRecord):
    def fail(happened: Event, _: object) -> None:
        if isinstance(happened, BatchEnded) and happened.epoch == 2:
            raise RuntimeError("the power went")

    config = run_config(colours)
    run = InlineRunner(workspace, fail).submit(config)
    assert run.state is RunState.FAILED and can_resume(workspace, run)
    resumed = InlineRunner(workspace).resume(run.id)
    assert figures(workspace, resumed) == figures(workspace, InlineRunner(workspace).submit(config))


def test_a_run_paused_in_the_queue_goes_back_to_it(workspace: Workspace, colours: DatasetRecord):
    run = enqueue(workspace, run_config(colours))
    workspace.store.request_pause(run.id)
    assert can_resume(workspace, workspace.store.get_run(run.id))
    assert resume(workspace, run.id) == run
    assert not can_resume(workspace, run)


def test_a_thread_goes_on_with_a_run_while_it_is_asked_twice(
    workspace: Workspace, colours: DatasetRecord
):
    paused = stop_at(workspace, run_config(colours, epochs=4), EpochEnded, 1)
    runner = ThreadRunner(workspace)
    runner.start()

    def ask(_: int) -> str:
        try:
            return runner.resume(paused.id).state
        except RunNotReady as refusal:
            return str(refusal)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(ask, range(4)))
    assert said.count(RunState.QUEUED) == 1
    assert all("cannot be resumed" in words for words in said if words != RunState.QUEUED)
    wait_until(lambda: workspace.store.get_run(paused.id).state.is_finished, "the run's end")
    runner.shutdown()
    assert workspace.store.get_run(paused.id).state is RunState.COMPLETED


def pause(workspace: Workspace, run: Run) -> None:
    workspace.store.request_pause(run.id)
    wait_until(lambda: workspace.store.get_run(run.id).state is not RunState.RUNNING, "a pause")


def test_pausing_and_resuming_at_once_never_loses_a_run(
    workspace: Workspace, colours: DatasetRecord
):
    runner = ThreadRunner(workspace)
    runner.start()
    run = runner.submit(run_config(colours, epochs=1000))
    for _ in range(5):
        wait_until(lambda: workspace.store.get_run(run.id).state is RunState.RUNNING, "a start")
        pause(workspace, run)
        assert workspace.store.get_run(run.id).state is RunState.PAUSED
        runner.resume(run.id)
    pause(workspace, run)
    runner.shutdown()
    assert workspace.store.get_run(run.id).state is RunState.PAUSED


# Killed


def test_a_run_killed_after_its_state_was_saved_has_every_point_of_one_never_stopped(
    whole: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
):
    workspace, whole = whole

    def die(recorder: Recorder, event: EpochEnded) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Recorder, "_add_epoch", die)
        InlineRunner(workspace).submit(whole.config)
    [run, *_] = workspace.store.list_runs()
    assert run.epochs_done == 0 and workspace.artifacts.training_state(run.id).is_file()
    assert figures(workspace, InlineRunner(workspace).resume(run.id)) == figures(workspace, whole)


def test_a_broken_training_state_costs_one_epoch_and_a_note(whole: tuple[Workspace, Run]):
    workspace, whole = whole
    run = stop_at(workspace, whole.config, EpochEnded, 3)
    state = workspace.artifacts.training_state(run.id)
    state.write_bytes(bytes(byte ^ 255 for byte in state.read_bytes()))
    resumed = InlineRunner(workspace).resume(run.id)
    [note] = resumed.facts.notes
    assert note.startswith("The newest training state was damaged")
    assert "after epoch 2, from the state before it" in note
    assert figures(workspace, resumed) == figures(workspace, whole)


def test_two_broken_training_states_end_the_run_with_a_sentence(
    workspace: Workspace, colours: DatasetRecord
):
    run = stop_at(workspace, run_config(colours, epochs=50), EpochEnded, 2)
    for state in workspace.artifacts.run_folder(run.id).glob("*.pt"):
        state.write_bytes(state.read_bytes()[:100])
    failed = InlineRunner(workspace).resume(run.id)
    assert failed.state is RunState.FAILED
    assert failed.message.startswith(f"The training state training-state.pt of run {run.id} cannot")
    assert failed.message.endswith("cannot be resumed: train it again.")


def test_a_broken_model_is_said_by_name_when_it_is_to_be_tested(
    workspace: Workspace, colours: DatasetRecord
):
    run = stop_at(workspace, run_config(colours, epochs=50), EpochEnded, 2)
    model = workspace.artifacts.checkpoint(run.id)
    content = bytearray(model.read_bytes())
    content[-3000:-1000] = bytes(2000)
    model.write_bytes(content)
    failed = InlineRunner(workspace).resume(run.id, epochs=run.epochs_done)
    assert failed.state is RunState.FAILED and failed.message == (
        f"The model file model.safetensors of run {run.id} cannot be read (its checksum is wrong): "
        "train again, or restore it from a backup."
    )


def test_a_killed_run_that_is_resumed_has_the_figures_of_one_never_stopped(
    workspace: Workspace, colours: DatasetRecord
):
    config = run_config(colours, WITH_BATCH_NORM, epochs=3, dropout=0.2, augment="photos")
    whole = InlineRunner(workspace).submit(config)
    command = [sys.executable, "-c", KILLED_IN_THE_SECOND_EPOCH, config.model_dump_json()]
    ended = subprocess.run(command, cwd=ROOT, env=environment(workspace.settings.home), check=False)
    assert ended.returncode == -signal.SIGKILL
    [killed] = recover_for_command(workspace)
    run = workspace.store.get_run(killed)
    assert run.config == config and run.state is RunState.INTERRUPTED and run.epochs_done == 1
    assert with_ending(workspace, run).message.endswith("and it can be resumed.")
    assert 0 < seconds_taken(run) == sum(run.facts.seconds_by_stage.values())
    assert figures(workspace, InlineRunner(workspace).resume(run.id)) == figures(workspace, whole)


# What cannot be resumed


@pytest.mark.parametrize("ask", ["cancel", "interrupt"])
def test_a_run_without_a_finished_epoch_starts_over_and_keeps_its_record(
    workspace: Workspace, colours: DatasetRecord, ask: str
):
    config = run_config(colours)

    def stop(happened: Event, _: object) -> None:
        if isinstance(happened, BatchEnded):
            if ask == "interrupt":
                raise KeyboardInterrupt
            [run] = workspace.store.list_running_runs()
            workspace.store.request_cancel(run.id)
            time.sleep(0.35)

    with suppress(KeyboardInterrupt):
        InlineRunner(workspace, stop).submit(config)
    [run] = workspace.store.list_runs()
    assert run.state.is_finished and run.epochs_done == 0 and can_resume(workspace, run)
    told = with_ending(workspace, run).message
    assert "it starts again from the first epoch" in told
    done = InlineRunner(workspace).resume(run.id)
    assert (done.id, done.facts.resumed) == (run.id, 1)
    assert figures(workspace, done) == figures(workspace, InlineRunner(workspace).submit(config))


def test_a_run_whose_training_state_is_gone_is_to_be_trained_again(
    workspace: Workspace, colours: DatasetRecord
):
    run = stop_at(workspace, run_config(colours, epochs=500), EpochEnded, 1, ask="cancel")
    workspace.artifacts.training_state(run.id).unlink()
    assert not can_resume(workspace, run)
    with pytest.raises(RunNotReady, match=rf"Run {run.id} cannot be resumed.*: train it again"):
        resume(workspace, run.id)
    assert workspace.store.get_run(run.id) == run


def test_a_run_that_waits_or_is_gone_cannot_be_resumed(
    workspace: Workspace, colours: DatasetRecord
):
    run = enqueue(workspace, run_config(colours))
    with pytest.raises(RunNotReady, match="is queued and cannot be resumed"):
        resume(workspace, run.id)
    with pytest.raises(UnknownRun):
        resume(workspace, "nope")


def test_a_run_whose_dataset_is_gone_cannot_be_resumed(
    workspace: Workspace, colours: DatasetRecord
):
    run = stop_at(workspace, run_config(colours, epochs=500), EpochEnded, 1, ask="cancel")
    delete_dataset(workspace.store, workspace.artifacts, colours.id)
    with pytest.raises(UnknownDataset):
        resume(workspace, run.id)
    assert workspace.store.get_run(run.id) == run


def test_fewer_epochs_than_are_done_are_refused(workspace: Workspace, colours: DatasetRecord):
    run = stop_at(workspace, run_config(colours, epochs=50), EpochEnded, 2)
    with pytest.raises(
        ConfigError,
        match=f"Epochs: 1 is too few in total for run {run.id}.*; give at least {run.epochs_done}",
    ):
        resume(workspace, run.id, epochs=1)
    with pytest.raises(ConfigError, match="Epochs: 0 is not possible"):
        resume(workspace, run.id, epochs=0)
    assert workspace.store.get_run(run.id) == run


# Beyond the end


def test_the_training_check_of_the_old_run_is_not_taken_over(
    finished: tuple[Workspace, Run],
):
    workspace, run = finished
    new = resume(workspace, run.id, epochs=5)
    assert run.facts.train_check and not new.facts.train_check
    workspace.store.delete_run(new.id)
    workspace.artifacts.delete_run(new.id)


def test_a_completed_run_is_continued_by_a_new_one(finished: tuple[Workspace, Run]):
    workspace, run = finished
    before = model_files(workspace, run)
    outputs = outputs_of(workspace, run)
    new = InlineRunner(workspace).resume(run.id, epochs=5)
    assert list_epochs(workspace.artifacts.outputs(new.id)) == [1, 2, 3, 4, 5]
    assert len(outputs) == 5 and set(outputs) < set(outputs_of(workspace, new))
    assert new.id != run.id and new.state is RunState.COMPLETED
    assert (new.facts.continues, new.epochs_done, new.config.train.epochs) == (run.id, 5, 5)
    seconds_before = sum(run.facts.seconds_by_stage.values())
    assert seconds_taken(new) >= sum(new.facts.seconds_by_stage.values()) > seconds_before
    assert not new.facts.resumed and new.facts.splits == run.facts.splits
    old_points = workspace.store.list_metrics(run.id)
    new_points = workspace.store.list_metrics(new.id)
    assert new_points[: len(old_points)] == old_points
    assert [p.epoch for p in new_points if (p.split, p.name) == ("val", "loss")] == [1, 2, 3, 4, 5]
    # The old run was tested once and must not change.
    assert workspace.store.get_run(run.id) == run
    assert (model_files(workspace, run), outputs_of(workspace, run)) == (before, outputs)
    workspace.store.delete_run(new.id)
    workspace.artifacts.delete_run(new.id)
    assert not workspace.artifacts.run_folder(new.id).exists()
    assert workspace.artifacts.checkpoint(run.id).is_file()


@pytest.mark.parametrize("epochs", [None, 2, 3])
def test_a_completed_run_needs_more_epochs_to_go_on(
    finished: tuple[Workspace, Run], epochs: int | None
):
    workspace, run = finished
    assert can_resume(workspace, run)
    before = workspace.store.list_runs()
    with pytest.raises(ConfigError, match=r"more .*than (the )?3"):
        resume(workspace, run.id, epochs)
    assert workspace.store.list_runs() == before


def test_what_cannot_be_taken_over_leaves_no_run(workspace: Workspace, colours: DatasetRecord):
    run = InlineRunner(workspace).submit(run_config(colours, epochs=1))
    workspace.artifacts.checkpoint(run.id).unlink()
    with pytest.raises(RunNotReady, match=f"The files of run {run.id} cannot be copied"):
        resume(workspace, run.id, epochs=2)
    assert workspace.store.list_runs() == [run]
    assert [folder.name for folder in workspace.artifacts.run_folder(run.id).parent.iterdir()] == [
        run.id
    ]
