"""Recovery of runs whose process has died."""

from dataclasses import dataclass

from tl_core.files import remove_unfinished
from tl_core.locks import hold_lock, try_lock
from tl_core.records import Run, RunState
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import STATE_OF_STOPPED, Store


@dataclass(frozen=True, slots=True)
class Death:
    """Death of a process that may have executed a run."""

    process_id: int
    sentence: str
    """Sentence on how the process died; it becomes the run's message."""


def fail_stale_runs(store: Store, artifacts: Artifacts, death: Death | None = None) -> list[str]:
    """End the running runs whose process has died, and return their ids.

    A run with a test result becomes completed; one that was asked to be cancelled or to pause
    becomes cancelled or paused, even if its process had to be killed for it; any other becomes
    interrupted.

    A living process holds the lock of its run, so processes that share a store must also share
    the home folder.

    Args:
        store: holds the runs.
        artifacts: locates their lock files, and those with the ids of their processes.
        death: how a process has just died, for the message of its run.
    """
    with hold_lock(artifacts.claim_lock):
        return [
            run.id
            for run in store.list_running_runs()
            if _fail_if_stale(store, artifacts, run, death)
        ]


def _fail_if_stale(store: Store, artifacts: Artifacts, run: Run, death: Death | None) -> bool:
    lock = artifacts.run_lock(run.id)
    with try_lock(lock) as is_stale:
        if is_stale:
            # Safe only under the run's lock, since nobody else writes into its folder then.
            remove_unfinished(artifacts.run_folder(run.id))
            # The process that died need not be the one of this run.
            is_its_death = death is not None and death.process_id == artifacts.process_of(run.id)
            _finish(store, run, death if is_its_death else None)
    return is_stale


def _finish(store: Store, run: Run, death: Death | None) -> None:
    if run.result:
        return store.finish_run(run.id, RunState.COMPLETED)
    asked = store.asked_of(run.id)
    # Whoever asked for the stop needs no explanation of how the process ended.
    message = death.sentence if death and not asked else ""
    store.finish_run(run.id, STATE_OF_STOPPED[asked], message)
