"""Runs are checked before they are queued, carried out one at a time, and stop when asked."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from making_runs import run_config
from waiting import PATIENCE, wait_until

from tl_core.backbones import get_backbone
from tl_core.config import make_run_config
from tl_core.errors import (
    ConfigError,
    TransferLabError,
    UnknownBackbone,
    UnknownDataset,
    WeightsUnavailable,
)
from tl_core.locks import hold_lock
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runners import InlineRunner, ThreadRunner, enqueue
from tl_core.runs.summary import changes_of
from tl_core.training import load_checkpoint
from tl_core.workspace import Workspace


@pytest.fixture
def runner(workspace: Workspace) -> Iterator[ThreadRunner]:
    started = ThreadRunner(workspace)
    started.start()
    yield started
    started.shutdown()


def finish(workspace: Workspace, run: Run) -> Run:
    wait_until(lambda: workspace.store.get_run(run.id).state.is_finished)
    return workspace.store.get_run(run.id)


# Before the queue


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"backbone": "resnet5000"}, UnknownBackbone, "resnet5000"),
        ({"frozen_stages": 99}, ConfigError, "99"),
        ({"frozen_layers": 9999}, ConfigError, "9999"),
        ({"frozen_names": "nothing.like.this"}, ConfigError, "nothing.like.this"),
        ({"backbone": "vit_b_16", "image_size": 17}, ConfigError, "17"),
        (
            {"output": "sigmoid"},
            ConfigError,
            "'sigmoid' is for two classes, and colours has 3; give 'softmax'",
        ),
        ({"mixup": 0.2, "batch_size": 1}, ConfigError, "1 is too small for mixup"),
        ({"unfreeze": "two-phase", "frozen_stages": 99, "epochs": 5}, ConfigError, "99"),
        ({"weights": "file:never there"}, TransferLabError, "never there"),
    ],
)
def test_what_cannot_run_is_not_queued(
    workspace: Workspace,
    colours: DatasetRecord,
    change: dict,
    error: type[TransferLabError],
    words: str,
):
    with pytest.raises(error, match=words):
        enqueue(workspace, run_config(colours, change))
    assert workspace.store.list_runs() == []


def test_a_run_on_no_dataset_is_not_queued(workspace: Workspace):
    with pytest.raises(UnknownDataset):
        enqueue(workspace, make_run_config("nope", {}))
    assert workspace.store.list_runs() == []


def test_missing_weights_are_reported_before_the_queue(
    workspace: Workspace,
    colours: DatasetRecord,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path,
    closed_port: int,
):
    row = get_backbone("resnet18")
    nowhere = replace(row.weights, url=f"http://127.0.0.1:{closed_port}/resnet18-0123abcd.pth")
    monkeypatch.setattr(
        "tl_core.runs.execute.get_backbone", lambda _: replace(row, weights=nowhere)
    )
    # Not `set_dir`, after which the environment would count no more for later tests.
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    for submit in (ThreadRunner(workspace).submit, InlineRunner(workspace).submit):
        with pytest.raises(WeightsUnavailable, match=r"put resnet18\.safetensors or resnet18\.pth"):
            submit(run_config(colours, {"backbone": "resnet18"}))
    assert workspace.store.list_runs() == []
    from_scratch = {"backbone": "resnet18", "pretrained": False, "frozen_stages": 0}
    assert enqueue(workspace, run_config(colours, from_scratch)).state is RunState.QUEUED


def test_a_queued_run_knows_its_size_and_classes(workspace: Workspace, colours: DatasetRecord):
    run = enqueue(workspace, run_config(colours, {"hidden_units": 5}))
    assert run.state is RunState.QUEUED and run.dataset_name == "colours"
    assert run.facts.classes == colours.classes
    assert run.facts.trainable_parameters == 1281 * 5 + 6 * 3
    without_classifier = get_backbone("tf_efficientnet_lite0").parameters - 1281 * 1000
    assert run.facts.total_parameters == without_classifier + 1281 * 5 + 6 * 3


# Carrying out


def test_the_queue_is_worked_through_in_order_one_at_a_time(
    workspace: Workspace, colours: DatasetRecord, runner: ThreadRunner
):
    queued = [runner.submit(run_config(colours, epochs=1, seed=seed)) for seed in range(3)]
    runs = [finish(workspace, run) for run in queued]
    assert [run.state for run in runs] == [RunState.COMPLETED] * 3
    for before, after in pairwise(runs):
        assert before.finished_at <= after.started_at


def test_inline_and_in_a_thread_the_numbers_are_the_same(
    workspace: Workspace, colours: DatasetRecord, runner: ThreadRunner
):
    config = run_config(colours, {"dropout": 0.3}, augment="photos")
    in_thread = finish(workspace, runner.submit(config))
    assert in_thread.result == InlineRunner(workspace).submit(config).result


def test_a_run_beside_others_work_with_models_has_the_same_numbers(
    workspace: Workspace,
    colours: DatasetRecord,
    runner: ThreadRunner,
    finished: tuple[Workspace, Run],
):
    config = run_config(colours, {"dropout": 0.5}, epochs=20)
    alone = finish(workspace, runner.submit(config))
    run = runner.submit(config)
    while not workspace.store.get_run(run.id).state.is_finished:
        load_checkpoint(finished[0].artifacts.checkpoint(finished[1].id))
    beside = workspace.store.get_run(run.id)
    assert workspace.store.list_metrics(alone.id) == workspace.store.list_metrics(beside.id)


def test_a_run_that_waits_is_cancelled_at_once(
    workspace: Workspace, colours: DatasetRecord, runner: ThreadRunner
):
    long = runner.submit(run_config(colours, epochs=1000))
    waiting = runner.submit(run_config(colours))
    workspace.store.request_cancel(waiting.id)
    assert workspace.store.get_run(waiting.id).state is RunState.CANCELLED
    workspace.store.request_cancel(long.id)
    assert finish(workspace, long).state is RunState.CANCELLED
    assert workspace.store.get_run(waiting.id).epochs_done == 0


def test_a_shutdown_puts_its_run_back_and_the_queue_outlives_it(
    workspace: Workspace, colours: DatasetRecord
):
    first = ThreadRunner(workspace)
    first.start()
    running = first.submit(run_config(colours, epochs=1000))
    waiting = first.submit(run_config(colours, epochs=1))
    wait_until(lambda: workspace.store.get_run(running.id).epochs_done >= 1)
    first.shutdown()
    stopped = workspace.store.get_run(running.id)
    assert stopped.state is RunState.QUEUED and stopped.epochs_done >= 1
    assert workspace.store.get_run(waiting.id).state is RunState.QUEUED
    workspace.store.request_cancel(running.id)
    second = ThreadRunner(workspace)
    second.start()
    assert finish(workspace, waiting).state is RunState.COMPLETED
    second.shutdown()


def test_a_run_that_died_with_its_process_goes_on_while_serving(
    workspace: Workspace, colours: DatasetRecord, runner: ThreadRunner
):
    # The lock keeps the runner from claiming the run.
    with hold_lock(workspace.artifacts.claim_lock):
        dead = workspace.store.add_run(run_config(colours), "colours")
        workspace.store.claim_run(dead.id)
    assert finish(workspace, dead).state is RunState.COMPLETED


def test_a_run_of_the_command_line_is_not_taken_by_a_server(
    workspace: Workspace, colours: DatasetRecord, runner: ThreadRunner
):
    told: list[object] = []
    for seed in range(3):
        # Keeps the server looking for work.
        runner.submit(run_config(colours, epochs=1, seed=seed))
        before = len(told)
        inline = InlineRunner(workspace, lambda event, _: told.append(event))
        run = inline.submit(run_config(colours, epochs=1))
        assert run.state is RunState.COMPLETED and len(told) > before


def test_a_store_that_fails_for_a_while_does_not_end_the_runner(
    workspace: Workspace,
    colours: DatasetRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise TransferLabError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(workspace.store, "claim_next_run", fail)
        runner = ThreadRunner(workspace)
        runner.start()
        assert failed.wait(PATIENCE)
    run = finish(workspace, runner.submit(run_config(colours, epochs=1)))
    assert run.state is RunState.COMPLETED
    assert "the store is away" in caplog.text
    runner.shutdown()


# Stop, where steps are short, works within two seconds


def stage_of(workspace: Workspace, run: Run) -> str:
    progress = workspace.store.get_run(run.id).progress
    return progress.stage if progress else ""


@pytest.mark.parametrize("stage", ["preparing features", "testing"])
def test_stop_works_in_every_stage(
    workspace: Workspace, runner: ThreadRunner, colours: DatasetRecord, stage: str
):
    run = runner.submit(run_config(colours, augment="photos", epochs=30))
    wait_until(lambda: stage_of(workspace, run) == stage)
    workspace.store.request_cancel(run.id)
    state = finish(workspace, run).state
    # The test of six images may be over before the request is seen.
    assert state is RunState.CANCELLED or stage == "testing"


def test_a_batch_size_counts_as_changed_only_if_it_differs_from_the_automatic_one(
    workspace, colours
):
    automatic = enqueue(workspace, make_run_config(colours.id, {}))
    # The form settles the batch size before it submits a run.
    settled = enqueue(workspace, automatic.config)
    other_size = automatic.config.train.batch_size + 1
    chosen = enqueue(workspace, make_run_config(colours.id, {"batch_size": other_size}))
    assert changes_of(automatic) == changes_of(settled) == {}
    assert set(changes_of(chosen)) == {"batch_size"}
