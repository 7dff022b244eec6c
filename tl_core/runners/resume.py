"""Go on with a run that has stopped, from its last finished epoch."""

import os
import shutil
from pathlib import Path

from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError, RunNotReady
from tl_core.outputs import kept_files
from tl_core.records import BEST_VAL, Run, RunState
from tl_core.runners.enqueue import first_facts
from tl_core.runs.endings import can_resume
from tl_core.runs.execute import check, whole_model
from tl_core.workspace import Workspace


def resume(workspace: Workspace, run_id: str, epochs: int | None = None) -> Run:
    """Queue a run again, to go on from its last finished epoch.

    A completed run stays as it is, since its test set was touched: a new run carries on from it, whose fact
    `continues` is the old one's id.

    Args:
        workspace: where the run lives.
        run_id: the run's id, or a unique start of it.
        epochs: in all, those that are done included; None leaves them as they were chosen.

    Raises:
        UnknownRun: there is no such run.
        RunNotReady: it waits or runs, or has nothing to go on from.
        ConfigError: the number of epochs is not possible.
        TransferLabError: as `execute.check`.
    """
    run = workspace.store.get_run(run_id)
    config = _with_epochs(run, epochs)
    is_under_way = run.state in (RunState.QUEUED, RunState.RUNNING)
    if not is_under_way and not can_resume(workspace, run):
        raise RunNotReady(
            f"Run {run.id} has nothing to go on from, because what training needs was not kept of "
            "it: train it again."
        )
    if run.state is RunState.COMPLETED:
        return _continue(workspace, run, config)
    if not is_under_way:
        check(workspace, config)
    return workspace.store.queue_again(run.id, config if config != run.config else None)


def _with_epochs(run: Run, epochs: int | None) -> RunConfig:
    done, is_complete = run.epochs_done, run.state is RunState.COMPLETED
    if is_complete and epochs is None:
        raise ConfigError(
            f"Run {run.id} is completed: to go on, give more epochs in all than the {done} it has "
            "done."
        )
    if epochs is None:
        return run.config
    config = make_run_config(run.config.data.dataset_id, {"epochs": epochs}, base=run.config)
    if epochs < done + is_complete:
        least = f"more than the {done}" if is_complete else f"{done} or more, which are those"
        raise ConfigError(
            f"Epochs: {epochs} is too few in all for run {run.id}; give {least} it has done."
        )
    return config


def _continue(workspace: Workspace, run: Run, config: RunConfig) -> Run:
    """A new run that begins where a completed one has ended. It is paused until all it needs is in place."""
    store, dataset = workspace.store, check(workspace, config)
    new = store.add_run(config, run.dataset_name, first_facts(config, dataset), RunState.PAUSED)
    try:
        _take_over(workspace, run, new)
    except BaseException as error:
        store.delete_run(new.id)
        workspace.artifacts.delete_run(new.id)
        if isinstance(error, OSError):
            raise RunNotReady(
                f"What run {run.id} left cannot be taken over ({error.strerror})."
            ) from error
        raise
    return store.queue_again(new.id)


def _take_over(workspace: Workspace, old: Run, new: Run) -> None:
    store, artifacts = workspace.store, workspace.artifacts
    _share(whole_model(workspace, old.id), artifacts.checkpoint(new.id))
    for path in kept_files(folder := artifacts.outputs(old.id)):
        _share(path, artifacts.outputs(new.id) / path.relative_to(folder))
    store.append_metrics(new.id, store.list_metrics(old.id))
    for split in ("val", BEST_VAL):
        epoch, predictions = store.list_predictions(old.id, split)
        store.put_predictions(new.id, split, epoch, predictions)
    store.update_run(
        new.id,
        epochs_done=old.epochs_done,
        best_epoch=old.best_epoch,
        val_accuracy=old.val_accuracy,
        facts=old.facts.continued(old.id).merged(new.facts),
    )
    _share(
        artifacts.training_state(old.id), artifacts.training_state(new.id)
    )  # last: with it the run can begin


def _share(old: Path, new: Path) -> None:
    """One file under two names costs nothing, and is safe: these are put in place whole and never written into."""
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # not every file system can
        shutil.copyfile(old, new)
