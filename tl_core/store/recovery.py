"""Runs whose process died with them."""

from dataclasses import dataclass

from tl_core.files import remove_unfinished
from tl_core.locks import hold_lock, try_lock
from tl_core.records import Run, RunState
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import STATE_OF_STOPPED, Asked, Store
from tl_core.store.states import epochs_kept

_ADVICE = (
    "Should it happen again, a smaller batch size, a smaller image size or more frozen stages take less memory, and "
    "the server's log may say more."
)
_STOPPED_BY: dict[Asked | None, str] = {
    "cancel": "Cancelled",
    "pause": "Paused",
    None: "The server or command that ran it stopped",
}
"""Beginning of the sentence about a run, by what was asked of it."""


@dataclass(frozen=True, slots=True)
class Death:
    """What is known of a process that has died."""

    process_id: int
    sentence: str
    """How a sentence about its run begins: what happened to "the process that trained it"."""


def fail_stale_runs(store: Store, artifacts: Artifacts, death: Death | None = None) -> list[str]:
    """Give runs that no living process executes the state that they ended in; returns their ids.

    One that was asked to be cancelled, or to pause, has come to that, even where its process had
    to be killed for it; one that has its test figure is completed; any other is interrupted.

    A process that executes a run holds its lock, so processes that share a store must share the home folder.

    Args:
        store: where the runs are.
        artifacts: where their locks are; a lock holds the id of the process.
        death: of the process that has just died, to be told to those who read of its run.
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
            remove_unfinished(artifacts.run_folder(run.id))
            is_its_death = death is not None and lock.read_text() == str(death.process_id)
            can_go_on = artifacts.training_state(run.id).is_file()
            _finish(store, run, can_go_on, death if is_its_death else None)
    return is_stale


def _finish(store: Store, run: Run, can_go_on: bool, death: Death | None) -> None:
    if run.result:
        return store.finish_run(run.id, RunState.COMPLETED)
    asked = store.asked_of(run.id)
    sentence = _sentence(run, can_go_on, _STOPPED_BY[asked])
    if death and not asked:
        sentence = f"{_sentence(run, can_go_on, death.sentence)} {_ADVICE}"
    store.finish_run(run.id, STATE_OF_STOPPED[asked], sentence)


def _sentence(run: Run, can_go_on: bool, stopped: str) -> str:
    if run.epochs_done == 0:
        return f"{stopped} before this run had finished an epoch; nothing of it is kept."
    kept = epochs_kept(run.epochs_done) + (", and it can be resumed" if can_go_on else "")
    if run.epochs_done >= run.config.train.epochs:
        return f"{stopped} after this run's last epoch, before it was tested; {kept}."
    return f"{stopped} while this run was in epoch {run.epochs_done + 1}; {kept}."
