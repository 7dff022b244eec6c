"""Commands `train`, `resume` and `pause`, which control training."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from tl_core.cli.choices import chosen_settings, dataset_and_config
from tl_core.cli.options import AsJson, Backbone, ClassesAt, Dataset, Preset, RunId, Set, setting
from tl_core.cli.output import Show, print_json, shown_progress
from tl_core.cli.readings import FoundDataset, readings_json
from tl_core.cli.runs import print_run, warnings_about
from tl_core.cli.workspaces import open_and_tidy
from tl_core.config.training import OptimizerName
from tl_core.errors import RunNotReady, TransferLabError
from tl_core.memory import importing
from tl_core.records import Progress, Run, RunState
from tl_core.runs.endings import with_ending
from tl_core.store import Store
from tl_core.text import about

if TYPE_CHECKING:
    from tl_core.config import RunConfig
    from tl_core.runs.spans import Span
    from tl_core.workspace import Workspace

_PAUSE_SECONDS = 10.0
"""Longest wait for a run to pause."""
_OPTIMIZERS = "|".join(get_args(OptimizerName))


def train(
    dataset: Dataset,
    *,
    classes_at: ClassesAt = None,
    preset: Preset = None,
    settings: Set = None,
    backbone: Backbone = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from random weights.")
    ] = False,
    frozen_stages: Annotated[str | None, setting("frozen_stages", metavar="all|N")] = None,
    hidden_units: Annotated[str | None, setting("hidden_units")] = None,
    dropout: Annotated[float | None, setting("dropout")] = None,
    epochs: Annotated[int | None, setting("epochs")] = None,
    batch_size: Annotated[int | None, setting("batch_size")] = None,
    optimizer: Annotated[str | None, setting("optimizer", metavar=_OPTIMIZERS)] = None,
    learning_rate: Annotated[float | None, setting("learning_rate", "--lr")] = None,
    backbone_learning_rate: Annotated[
        float | None, setting("backbone_learning_rate", "--backbone-lr")
    ] = None,
    weight_decay: Annotated[float | None, setting("weight_decay")] = None,
    seed: Annotated[int | None, setting("seed")] = None,
    no_augment: Annotated[
        bool, typer.Option("--no-augment", help="Train without augmentation.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model in this process, and test it once at the end.

    Options change the preset, or the defaults without one; --set takes precedence over other
    options.
    """
    options = {
        "backbone": backbone,
        # None leaves the setting to the preset.
        "pretrained": False if from_scratch else None,
        "frozen_stages": frozen_stages,
        "hidden_units": hidden_units,
        "dropout": dropout,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "backbone_learning_rate": backbone_learning_rate,
        "weight_decay": weight_decay,
        "augment": "none" if no_augment else None,
        "seed": seed,
    }
    _train(dataset, classes_at, preset, chosen_settings(options, settings), as_json)


def _train(
    dataset: str,
    classes_at: str | None,
    preset: str | None,
    settings: dict[str, Any],
    as_json: bool,
) -> None:
    with importing():
        from tl_core.runners import InlineRunner

    started = time.monotonic()
    workspace = open_and_tidy()
    found, config = dataset_and_config(workspace, dataset, settings, preset, classes_at)
    if not as_json:
        found.tell()
    ingest_seconds = time.monotonic() - started
    with shown_progress("starting") as show:
        expected = _estimate(workspace, config)
        if expected and not as_json:
            show(0.0, f"starting; {expected.say()}")
        run = InlineRunner(workspace, _progress_shown_by(show)).submit(config)
    seconds = time.monotonic() - started
    _report(
        workspace.store,
        with_ending(workspace, run),
        found,
        ingest_seconds=ingest_seconds,
        seconds=seconds,
        as_json=as_json,
        expected=expected,
    )


def resume(
    run: RunId,
    epochs: Annotated[
        int | None, typer.Option(help="New total number of epochs; needed for a completed run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Continue a run that has stopped.

    A completed run does not change: a new run continues it, and needs --epochs.
    """
    with importing():
        from tl_core.runners import InlineRunner

    started = time.monotonic()
    workspace = open_and_tidy()
    with shown_progress("starting") as show:
        ended = InlineRunner(workspace, _progress_shown_by(show)).resume(run, epochs)
    record = workspace.store.get_dataset(ended.config.data.dataset_id)
    seconds = time.monotonic() - started
    _report(
        workspace.store,
        with_ending(workspace, ended),
        FoundDataset(record),
        ingest_seconds=0.0,
        seconds=seconds,
        as_json=as_json,
    )


def pause(run: RunId, as_json: AsJson = False) -> None:
    """Pause a run; it keeps its finished epochs."""
    workspace = open_and_tidy()
    store = workspace.store
    found = store.get_run(run)
    if found.state.is_finished:
        raise RunNotReady(f"Run {found.id} is {found.state} and cannot be paused.")
    store.request_pause(found.id)
    found = store.get_run(found.id)
    give_up = time.monotonic() + _PAUSE_SECONDS
    while found.state is RunState.RUNNING and time.monotonic() < give_up:
        time.sleep(0.1)
        found = store.get_run(found.id)
    found = with_ending(workspace, found)
    if not as_json:
        return print_run(store, found)
    print_json(
        {
            "run_id": found.id,
            "state": found.state,
            "message": found.message,
            "epochs_done": found.epochs_done,
        }
    )


def _progress_shown_by(show: Show) -> Callable[[object, Progress | None], None]:
    def on_event(_event: object, progress: Progress | None) -> None:
        if progress:
            words = ": ".join(filter(None, (progress.stage, progress.detail)))
            left = progress.seconds_left
            show(progress.fraction, words if left is None else f"{words}; {about(left)} left")

    return on_event


def _estimate(workspace: Workspace, config: RunConfig) -> Span | None:
    """Return the expected duration; None where the run will not start, and say why itself."""
    from tl_core.machine import probe_available
    from tl_core.runs.estimate import estimate_run
    from tl_core.runs.execute import make_experiment, settle

    try:
        dataset = workspace.store.get_dataset(config.data.dataset_id)
        experiment = make_experiment(workspace, settle(config, dataset))
        return estimate_run(workspace, experiment, probe_available(), is_first=True).span
    except TransferLabError:
        return None


def _report(
    store: Store,
    run: Run,
    found: FoundDataset,
    *,
    ingest_seconds: float,
    seconds: float,
    as_json: bool,
    expected: Span | None = None,
) -> None:
    if as_json:
        warnings = warnings_about(store, run)
        told = _json(run, found, ingest_seconds, seconds, expected)
        print_json({**told, "warnings": warnings})
    else:
        print_run(store, run)
    if run.state is not RunState.COMPLETED:
        # Scripts learn from the exit code that there is no tested model.
        raise TransferLabError(run.message)


def _json(
    run: Run,
    found: FoundDataset,
    ingest_seconds: float,
    total_seconds: float,
    expected: Span | None,
) -> dict[str, Any]:
    seconds = run.facts.seconds_by_stage
    record = found.record
    return {
        "run_id": run.id,
        "state": run.state,
        "message": run.message,
        "dataset": {
            "id": record.id,
            "n": record.n,
            "classes": list(record.classes),
            "skipped": record.n_skipped,
            **readings_json(record, found.readings),
        },
        "splits": run.facts.splits.model_dump() if run.facts.splits else None,
        "device": run.facts.device or None,
        "test": dataclasses.asdict(run.result) if run.result else None,
        "seconds": {
            "ingest": ingest_seconds,
            "prepare": seconds.get("reading images", 0.0) + seconds.get("preparing features", 0.0),
            "train": seconds.get("training", 0.0),
            "evaluate": seconds.get("testing", 0.0),
            "total": total_seconds,
        },
        # Told before the run, for the run alone.
        "expected_seconds": dataclasses.asdict(expected) if expected else None,
    }
