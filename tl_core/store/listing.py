"""Lists of runs in the database: chosen ones in full, and all of them in short."""

from typing import Any

from sqlalchemy import ColumnElement, Row, select

from tl_core.records import Run, RunState
from tl_core.store.database import Database
from tl_core.store.queries import EVERY_RUN, RunQuery, RunSummary
from tl_core.store.runs import IS_KEPT, run_of
from tl_core.store.tables import runs

_SUMMARY = (
    "id",
    "state",
    "dataset_id",
    "dataset_name",
    "backbone",
    "title",
    "note",
    "tags",
    "is_favourite",
    "val_accuracy",
    "result",
    "owner",
)


class SqlListing(Database):
    """Part of the `Store` contract: lists of runs."""

    def list_runs(self, query: RunQuery = EVERY_RUN) -> list[Run]:
        chosen = select(runs).where(IS_KEPT, *_conditions(query)).order_by(runs.c.number.desc())
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(chosen.limit(query.limit))]

    def summarise_runs(self, *, owner: str | None = None) -> list[RunSummary]:
        columns = [runs.c[name] for name in _SUMMARY]
        query = select(*columns).where(IS_KEPT, *_of(owner)).order_by(runs.c.number.desc())
        with self.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def list_running_runs(self, *, owner: str | None = None) -> list[Run]:
        is_running = runs.c.state == RunState.RUNNING
        query = select(runs).where(is_running, *_of(owner)).order_by(runs.c.number)
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(query)]


def _of(owner: str | None) -> list[ColumnElement[bool]]:
    """Return the condition that a run belongs to a person; none for everyone's."""
    return [] if owner is None else [runs.c.owner == owner]


def _conditions(query: RunQuery) -> list[ColumnElement[bool]]:
    found = _of(query.owner)
    if query.ids is not None:
        found.append(runs.c.id.in_(query.ids))
    if query.states is not None:
        found.append(runs.c.state.in_(query.states))
    if query.dataset_id is not None:
        found.append(runs.c.dataset_id == query.dataset_id)
    if query.comparison is not None:
        found.append(runs.c.comparison == query.comparison)
    if query.is_compared:
        found.append(runs.c.comparison != "")
    if query.has_learned:
        found.append(runs.c.best_epoch.is_not(None))
    if query.is_favourite:
        found.append(runs.c.is_favourite != 0)
    if query.started_after is not None:
        found.append(runs.c.started_at > query.started_after)
    return found


def _summary(row: Row[Any]) -> RunSummary:
    fields = dict(row._mapping)
    result = fields.pop("result")
    fields["state"] = RunState(row.state)
    fields["tags"] = tuple(row.tags)
    fields["is_favourite"] = bool(row.is_favourite)
    return RunSummary(**fields, test_accuracy=result["accuracy"] if result else None)
