"""Runs whose process died with them."""

from tl_core.locks import hold_lock, try_lock
from tl_core.records import Run, RunState
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import Store
from tl_core.store.states import epochs_kept


def fail_stale_runs(store: Store, artifacts: Artifacts) -> list[str]:
    """Mark the runs that no living process executes as interrupted; gives their ids.

    A process that executes a run holds its lock, so processes that share a store must share the home folder.
    """
    with hold_lock(artifacts.claim_lock):
        return [run.id for run in store.list_running_runs() if _fail_if_stale(store, artifacts, run)]


def _fail_if_stale(store: Store, artifacts: Artifacts, run: Run) -> bool:
    with try_lock(artifacts.run_lock(run.id)) as is_stale:
        if is_stale:
            can_go_on = artifacts.training_state(run.id).is_file()
            store.finish_run(run.id, RunState.INTERRUPTED, _sentence(run, can_go_on))
    return is_stale


def _sentence(run: Run, can_go_on: bool) -> str:
    stopped = "The server or command that ran it stopped"
    if run.epochs_done == 0:
        return f"{stopped} before this run had finished an epoch; nothing of it is kept."
    kept = epochs_kept(run.epochs_done) + (", and it can be resumed" if can_go_on else "")
    if run.epochs_done >= run.config.train.epochs:
        return f"{stopped} after this run's last epoch, before it was tested; {kept}."
    return f"{stopped} while this run was in epoch {run.epochs_done + 1}; {kept}."
