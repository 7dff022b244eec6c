"""A run's way from state to state. Each step looks and changes in one transaction, so that none is taken twice."""

import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady, UnknownRun
from tl_core.facts import RunFacts
from tl_core.records import Run, RunState
from tl_core.store.contract import Asked
from tl_core.store.database import Database
from tl_core.store.runs import lock_run, run_of
from tl_core.store.tables import runs

_WAITING = (RunState.QUEUED, RunState.PAUSED)


class SqlStates(Database):
    """The part of the `Store` contract that is about what state a run is in."""

    def claim_next_run(self) -> Run | None:
        waiting = (
            select(runs.c.id)
            .where(runs.c.state == RunState.QUEUED)
            .order_by(runs.c.number)
            .limit(1)
        )
        with self.writing() as connection:
            run_id = connection.execute(waiting.with_for_update(skip_locked=True)).scalar()
            return None if run_id is None else _claim(connection, run_id)

    def claim_run(self, run_id: str) -> Run | None:
        with self.writing() as connection:
            return _claim(connection, run_id)

    def request_cancel(self, run_id: str) -> None:
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None:
                return
            if row.state in _WAITING:
                _change(connection, run_id, **_rest(RunState.CANCELLED))
            elif row.state == RunState.RUNNING:
                _change(connection, run_id, requested="cancel")

    def request_pause(self, run_id: str) -> None:
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None:
                return
            if row.state == RunState.QUEUED:
                _change(connection, run_id, **_rest(RunState.PAUSED))
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
            if row is None:
                raise UnknownRun(
                    f"There is no run with the id {run_id!r}; it may be deleted already."
                )
            if row.state in (RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED):
                raise RunNotReady(
                    f"Run {run_id} is {row.state} and cannot be resumed{_meanwhile(row)}."
                )
            has_begun = row.started_at is not None
            again = RunFacts(resumed=row.facts.resumed + 1) if has_begun else RunFacts()
            changes = {
                "requested": None,
                "finished_at": None,
                "progress": None,
                "facts": row.facts.merged(again),
                **({"config": config.model_dump_json()} if config else {}),
            }
            return run_of(_change(connection, run_id, state=RunState.QUEUED, message="", **changes))

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        if not state.is_finished and state is not RunState.PAUSED:
            raise ValueError(f"{state} is not a way for a run to end")
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None or RunState(row.state).is_finished:
                return
            if state is RunState.PAUSED and row.requested == "cancel":
                state = RunState.CANCELLED
            _change(connection, run_id, **_rest(state, message))


def _claim(connection: Connection, run_id: str) -> Run | None:
    still_queued: ColumnElement[bool] = runs.c.state == RunState.QUEUED
    claim = update(runs).where(runs.c.id == run_id, still_queued)
    row = connection.execute(
        claim.values(state=RunState.RUNNING, started_at=time.time()).returning(runs)
    ).first()
    return run_of(row) if row else None


def _change(connection: Connection, run_id: str, **values: Any) -> Row[Any]:
    return connection.execute(
        update(runs).where(runs.c.id == run_id).values(values).returning(runs)
    ).one()


def _rest(state: RunState, message: str = "") -> dict[str, Any]:
    return {
        "state": state,
        "message": message,
        "finished_at": time.time() if state.is_finished else None,
    }


def _meanwhile(row: Row[Any]) -> str:
    if row.requested == "pause" and row.state == RunState.RUNNING:
        return " before it has paused, which takes a moment"
    return (
        ": it carries on by itself"
        if row.state != RunState.COMPLETED
        else ": nothing of it is left to do"
    )
