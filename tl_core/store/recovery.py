"""Recovery of runs whose process has died: they go back to the queue, or end."""

from collections.abc import Callable
from dataclasses import dataclass

from tl_core.facts import RunFacts
from tl_core.files import remove_unfinished
from tl_core.locks import hold_lock, try_lock
from tl_core.records import Run, RunState
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import STATE_OF_STOPPED, Store

MOST_DEATHS = 3
"""Worker processes that a run may cost before it is failed."""


@dataclass(frozen=True, slots=True)
class Death:
    """End of a process that may have executed a run."""

    process_id: int
    sentence: str
    """Sentence on how the process ended; empty where a server has ended it with itself."""
    is_deadly: bool = True
    """True if the run itself may be the reason, so that it counts against the run."""


def _every(_: Run) -> bool:
    return True


def recover_runs(
    store: Store,
    artifacts: Artifacts,
    death: Death | None = None,
    *,
    which: Callable[[Run], bool] = _every,
    resumes: Callable[[Run], bool] = _every,
) -> list[str]:
    """Settle the running runs whose process has died, and return their ids.

    A run with a test result becomes completed; one that was asked to be cancelled or to pause
    becomes cancelled or paused, even if its process had to be killed for it. Any other goes back
    to the queue and later on from its last finished epoch, or becomes interrupted. A run that has
    cost `MOST_DEATHS` processes has failed.

    A living process holds the lock of its run, so processes that share a store must also share
    the home folder.

    Args:
        store: holds the runs.
        artifacts: locates their lock files, and those with the ids of their processes.
        death: how a process has just ended, for its run.
        which: returns whether a run is looked at.
        resumes: returns whether a run goes back to the queue.
    """
    with hold_lock(artifacts.claim_lock):
        return [
            run.id
            for run in store.list_running_runs()
            if which(run) and _settle_if_stale(store, artifacts, run, death, resumes)
        ]


def _settle_if_stale(
    store: Store,
    artifacts: Artifacts,
    run: Run,
    death: Death | None,
    resumes: Callable[[Run], bool],
) -> bool:
    with try_lock(artifacts.run_lock(run.id)) as is_stale:
        if is_stale:
            # Safe only under the run's lock, since nobody else writes into its folder then.
            remove_unfinished(artifacts.run_folder(run.id))
            # The process that died need not be the one of this run.
            is_its_death = death is not None and death.process_id == artifacts.process_of(run.id)
            _settle(store, run, death if is_its_death else None, resumes(run))
    return is_stale


def _settle(store: Store, run: Run, death: Death | None, resumes: bool) -> None:
    if run.result:
        return store.finish_run(run.id, RunState.COMPLETED)
    asked = store.asked_of(run.id)
    if asked:
        # Whoever asked for the stop needs no explanation of how the process ended.
        return store.finish_run(run.id, STATE_OF_STOPPED[asked])
    sentence = death.sentence if death else ""
    if not resumes:
        return store.finish_run(run.id, RunState.INTERRUPTED, sentence)
    facts = _facts_of_end(run, death)
    if facts.deaths >= MOST_DEATHS:
        store.update_run(run.id, facts=facts)
        return store.finish_run(run.id, RunState.FAILED, _say_failed(sentence))
    # A request to stop that has just come is heeded at the next look.
    store.put_back(run.id, facts)


def _facts_of_end(run: Run, death: Death | None) -> RunFacts:
    """Return the facts of a run whose process has ended, with the count of deaths."""
    deaths = run.facts.deaths
    if death:
        deaths += death.is_deadly
    # Server and worker ended together, as in a power failure, or as a container does that runs out
    # of memory. Only a run that comes no further each time is to blame.
    elif run.facts.went_on_after == run.epochs_done:
        deaths += 1
    facts = RunFacts(went_on_after=run.epochs_done)
    if deaths:
        facts = facts.merged(RunFacts(deaths=deaths))
    if death and death.sentence:
        place = f"after epoch {run.epochs_done}" if run.epochs_done else "from its start"
        facts = facts.merged(RunFacts(notes=(f"{death.sentence} It went on {place}.",)))
    return facts


def _say_failed(sentence: str) -> str:
    how = sentence or "Its process and the server ended before the run came any further."
    return (
        f"{how} That was the last of {MOST_DEATHS} attempts, so the run does not go on by itself. "
        "A smaller batch size, a smaller image size or more frozen stages take less memory, and "
        "the server's log may say more."
    )
