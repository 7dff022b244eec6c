"""Resuming of a stopped run from its last finished epoch."""

from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError, RunNotReady
from tl_core.files import link_or_copy
from tl_core.outputs import kept_files
from tl_core.records import BEST_VAL, Run, RunState
from tl_core.runners.enqueue import first_facts
from tl_core.runs.endings import can_resume
from tl_core.runs.execute import check, whole_model
from tl_core.workspace import Workspace


def resume(workspace: Workspace, run_id: str, epochs: int | None = None) -> Run:
    """Queue a run again, to continue after its last finished epoch.

    A completed run does not change, because it was tested: a new run continues it, whose fact
    `continues` is the id of the old one.

    Args:
        workspace: holds the run.
        run_id: id of the run, or a unique prefix of it.
        epochs: total number of epochs, including finished ones; None keeps the setting.

    Raises:
        UnknownRun: there is no such run.
        RunNotReady: it is queued or running, or its training state was not kept.
        ConfigError: the number of epochs is not possible.
        TransferLabError: as `execute.check`.
    """
    run = workspace.store.get_run(run_id)
    config = _with_epochs(run, epochs)
    is_under_way = run.state in (RunState.QUEUED, RunState.RUNNING)
    if not is_under_way and not can_resume(workspace, run):
        raise RunNotReady(
            f"Run {run.id} cannot be resumed, because its training state was not kept: train it "
            "again."
        )
    if run.state is RunState.COMPLETED:
        return _continue(workspace, run, config)
    # `queue_again` refuses a run under way, whatever its settings.
    if not is_under_way:
        check(workspace, config)
    return workspace.store.queue_again(run.id, config if config != run.config else None)


def _with_epochs(run: Run, epochs: int | None) -> RunConfig:
    done = run.epochs_done
    is_complete = run.state is RunState.COMPLETED
    if is_complete and epochs is None:
        raise ConfigError(
            f"Run {run.id} is completed: to continue it, give more epochs in total than the "
            f"{done} it has done."
        )
    if epochs is None:
        return run.config
    config = make_run_config(run.config.data.dataset_id, {"epochs": epochs}, base=run.config)
    # A stopped run may have only its test left, but a completed one needs at least one more epoch.
    if epochs < done + is_complete:
        enough = f"more than {done}" if is_complete else f"at least {done}"
        raise ConfigError(
            f"Epochs: {epochs} is too few in total for run {run.id}, which has done {done}; give "
            f"{enough}."
        )
    return config


def _continue(workspace: Workspace, run: Run, config: RunConfig) -> Run:
    """Queue a new run that starts where a completed one ended."""
    store = workspace.store
    dataset = check(workspace, config)
    # Paused until its files are in place, so that no process claims it earlier.
    new = store.add_run(
        config, run.dataset_name, first_facts(config, dataset), RunState.PAUSED, owner=run.owner
    )
    try:
        _take_over(workspace, run, new)
    # Ctrl-C, too, would leave behind a paused run with some of its files.
    except BaseException as error:
        store.delete_run(new.id)
        workspace.artifacts.delete_run(new.id)
        if isinstance(error, OSError):
            raise RunNotReady(
                f"The files of run {run.id} cannot be copied to a new run ({error.strerror})."
            ) from error
        raise
    return store.queue_again(new.id)


def _take_over(workspace: Workspace, old: Run, new: Run) -> None:
    store = workspace.store
    artifacts = workspace.artifacts
    link_or_copy(whole_model(workspace, old.id), artifacts.checkpoint(new.id))
    old_outputs = artifacts.outputs(old.id)
    for path in kept_files(old_outputs):
        link_or_copy(path, artifacts.outputs(new.id) / path.relative_to(old_outputs))
    store.append_metrics(new.id, store.list_metrics(old.id))
    # Not the test's, since the new run is tested itself.
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
    # Last, because a run with a training state can be resumed.
    link_or_copy(artifacts.training_state(old.id), artifacts.training_state(new.id))
