"""State transitions of runs.

Each one reads and writes in one transaction, so that no two processes make the same transition.
"""

import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady
from tl_core.facts import RunFacts
from tl_core.records import Run, RunState
from tl_core.store.absent import no_run
from tl_core.store.contract import Asked
from tl_core.store.database import Database
from tl_core.store.runs import IS_KEPT, lock_run, run_of
from tl_core.store.tables import runs
from tl_core.store.usage import note_time

# No process executes runs in these states, so they can be cancelled without being asked to stop.
_WAITING = (RunState.QUEUED, RunState.PAUSED)
_QUEUED: dict[str, Any] = {
    "state": RunState.QUEUED,
    "message": "",
    # An old request would stop the run again at once.
    "requested": None,
    "finished_at": None,
    "progress": None,
}
"""Values of the columns of a run that waits for its next turn."""


class SqlStates(Database):
    """Part of the `Store` contract: states of runs."""

    def claim_run(self, run_id: str) -> Run | None:
        with self.writing() as connection:
            return claim(connection, run_id)

    def request_cancel(self, run_id: str) -> None:
        with self.ending() as connection:
            row = lock_run(connection, run_id)
            if row is None:
                return
            if row.state in _WAITING:
                _change(connection, run_id, **_stopped(RunState.CANCELLED))
            elif row.state == RunState.RUNNING:
                # Replaces a request to pause, which the final one overrules.
                _change(connection, run_id, requested="cancel")

    def request_pause(self, run_id: str) -> None:
        with self.ending() as connection:
            row = lock_run(connection, run_id)
            if row is None:
                return
            if row.state == RunState.QUEUED:
                _change(connection, run_id, **_stopped(RunState.PAUSED))
            elif row.state == RunState.RUNNING and row.requested is None:
                _change(connection, run_id, requested="pause")

    def asked_of(self, run_id: str) -> Asked | None:
        with self.reading() as connection:
            row = connection.execute(select(runs.c.requested).where(runs.c.id == run_id)).first()
        asked: Asked | None = row.requested if row else "cancel"
        return asked

    def is_cancel_requested(self, run_id: str) -> bool:
        return self.asked_of(run_id) == "cancel"

    def queue_again(self, run_id: str, config: RunConfig | None = None) -> Run:
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None or row.binned_at is not None:
                raise no_run(run_id)
            if row.state in (RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED):
                raise RunNotReady(
                    f"Run {run_id} is {row.state} and cannot be resumed{_why_not(row)}."
                )
            changes: dict[str, Any] = {"urgency": 0}
            # A run that was stopped in the queue starts for the first time.
            if row.started_at is not None:
                changes["facts"] = row.facts.merged(_resumed(row)).merged(_forgiven(row))
            if config:
                changes["config"] = config.model_dump_json()
                changes["backbone"] = config.model.backbone
            return run_of(_change(connection, run_id, **_QUEUED, **changes))

    def put_back(self, run_id: str, facts: RunFacts | None = None) -> Run | None:
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None or row.state != RunState.RUNNING or row.requested is not None:
                return None
            merged = row.facts.merged(_resumed(row)).merged(facts or RunFacts())
            note_time(connection, row)
            # Next, since its turn had come already.
            changes = {**_QUEUED, "facts": merged, "urgency": 1}
            return run_of(_change(connection, run_id, **changes))

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        if not state.is_finished and state is not RunState.PAUSED:
            raise ValueError(f"{state} is not a state in which a run can end")
        with self.ending() as connection:
            row = lock_run(connection, run_id)
            if row is None or RunState(row.state).is_finished:
                return
            if state is RunState.PAUSED and row.requested == "cancel":
                state = RunState.CANCELLED
            note_time(connection, row)
            _change(connection, run_id, **_stopped(state, message))


def claim(connection: Connection, run_id: str) -> Run | None:
    """Set a queued run to RUNNING and return it; None if it is no longer queued."""
    still_queued: ColumnElement[bool] = runs.c.state == RunState.QUEUED
    # The condition is part of the update, so that of two simultaneous claims one finds no row.
    change = update(runs).where(runs.c.id == run_id, still_queued, IS_KEPT)
    # Once it has started, a run that was moved to the front waits like others when it is resumed.
    now = time.time()
    values = {"state": RunState.RUNNING, "started_at": now, "heard_at": now, "urgency": 0}
    row = connection.execute(change.values(values).returning(runs)).first()
    return run_of(row) if row else None


def _change(connection: Connection, run_id: str, **values: Any) -> Row[Any]:
    return connection.execute(
        update(runs).where(runs.c.id == run_id).values(values).returning(runs)
    ).one()


def _stopped(state: RunState, message: str = "") -> dict[str, Any]:
    return {
        "state": state,
        "message": message,
        "finished_at": time.time() if state.is_finished else None,
    }


def _resumed(row: Row[Any]) -> RunFacts:
    """Return the facts that a run which had started gets when it is queued again."""
    # The next claim replaces `started_at`. A run resumed by an old version has lost its first
    # start, and a later one would be wrong.
    first = row.facts.first_started_at
    if first is None and not row.facts.resumed:
        first = row.started_at
    again = RunFacts(resumed=row.facts.resumed + 1)
    return again if first is None else again.merged(RunFacts(first_started_at=first))


def _forgiven(row: Row[Any]) -> RunFacts:
    """Return the facts by which a person who resumes a run gives it all its attempts again."""
    return RunFacts(deaths=0) if row.facts.deaths else RunFacts()


def _why_not(row: Row[Any]) -> str:
    if row.state == RunState.COMPLETED:
        return ": all of it is done"
    if row.state == RunState.RUNNING and row.requested == "pause":
        return " before it has paused, which takes a moment"
    if row.state == RunState.RUNNING:
        return ": it goes on already"
    return ": it waits for its turn in the queue, which a server works through"
