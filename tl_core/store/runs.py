"""Runs in the database: adding, finding, changing and deleting them.

`states.py` changes their state.
"""

import math
import secrets
import time
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    delete,
    func,
    or_,
    select,
    update,
)

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady, UnknownRun
from tl_core.facts import RunFacts
from tl_core.records import Progress, Run, RunState, TestResult
from tl_core.store.absent import no_run
from tl_core.store.database import Database
from tl_core.store.datasets import starts_with
from tl_core.store.tables import datasets, runs

# Without vowels, so that no id spells a word, and without l, 0 and 1, which look alike.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_LETTERS_AND_DIGITS = _LETTERS + "23456789"


IS_KEPT = runs.c.binned_at.is_(None)
"""Condition that a run is not in the bin."""

_FOR_QUERIES = (
    *("number", "requested", "dataset_id", "binned_at", "backbone", "comparison"),
    *("rank", "urgency", "heard_at"),
)
"""Columns that are no part of the record; some repeat settings or facts."""


class SqlRuns(Database):
    """Part of the `Store` contract: runs."""

    def add_run(
        self,
        config: RunConfig,
        dataset_name: str,
        facts: RunFacts | None = None,
        state: RunState = RunState.QUEUED,
        *,
        owner: str = "",
    ) -> Run:
        values = {
            "owner": owner,
            "state": state,
            "config": config.model_dump_json(),
            "dataset_id": config.data.dataset_id,
            "dataset_name": dataset_name,
            "created_at": time.time(),
            "message": "",
            "epochs_done": 0,
            "facts": facts or RunFacts(),
            **derived(config, facts),
            "rank": next_rank(),
        }
        with self.writing() as connection:
            # The lock keeps the dataset from being deleted before the run is committed.
            connection.execute(
                select(datasets.c.id)
                .where(datasets.c.id == config.data.dataset_id)
                .with_for_update(read=True, key_share=True)
            )
            # No row is returned in the rare case that the id is taken; another is drawn then.
            while True:
                insert = self.insert_new(runs).values(**values, id=_new_id()).returning(runs)
                if row := connection.execute(insert).first():
                    return run_of(row)

    def get_run(self, run: str, *, reader: str | None = None) -> Run:
        # A whole id is found by its index, without a look at the other runs.
        matching = self._find(runs.c.id == run, reader) or self._find(
            starts_with(runs, run), reader
        )
        if len(matching) == 1:
            return matching[0]
        if matching:
            ids = ", ".join(sorted(record.id for record in matching))
            raise UnknownRun(
                f"{len(matching)} runs start with {run!r}: give more of one of the ids {ids}."
            )
        raise UnknownRun(
            f"There is no run {run!r}: give its id, or at least the first four characters of it."
        )

    def delete_run(self, run_id: str) -> None:
        with self.ending() as connection:
            lock_idle_run(connection, run_id)
            connection.execute(delete(runs).where(runs.c.id == run_id))

    def update_run(
        self,
        run_id: str,
        *,
        progress: Progress | None = None,
        epochs_done: int | None = None,
        best_epoch: int | None = None,
        val_accuracy: float | None = None,
        result: TestResult | None = None,
        facts: RunFacts | None = None,
    ) -> None:
        # SQLite would store NaN as NULL, PostgreSQL would not.
        if val_accuracy is not None and math.isnan(val_accuracy):
            val_accuracy = None
        fields = {
            "progress": progress and asdict(progress),
            "epochs_done": epochs_done,
            "best_epoch": best_epoch,
            "val_accuracy": val_accuracy,
            "result": result and asdict(result),
        }
        changes = {name: value for name, value in fields.items() if value is not None}
        with self.writing() as connection:
            row = lock_run(connection, run_id)
            if row is None:
                return
            if facts:
                # Merged under the lock, so that facts that are written at the same time are not
                # lost.
                merged = row.facts.merged(facts)
                changes |= {"facts": merged, "comparison": merged.comparison}
            if progress:
                changes["heard_at"] = time.time()
            if changes:
                connection.execute(update(runs).where(runs.c.id == run_id).values(changes))

    def _find(self, which: ColumnElement[bool], reader: str | None) -> list[Run]:
        query = select(runs).where(which, IS_KEPT)
        if reader is not None:
            query = query.where(or_(runs.c.owner == reader, runs.c.published_at.is_not(None)))
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(query)]


def derived(config: RunConfig, facts: RunFacts | None = None) -> dict[str, Any]:
    """Return the columns that repeat a part of settings and facts, for queries."""
    return {
        "backbone": config.model.backbone,
        "comparison": facts.comparison if facts else "",
    }


def next_rank() -> ScalarSelect[int]:
    """Return a rank behind all others, as an expression for a statement."""
    return select(func.coalesce(func.max(runs.c.rank), 0) + 1).scalar_subquery()


def _new_id() -> str:
    """Draw eight characters that are hard to misread, are no number and spell no word."""
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(7))


def lock_run(connection: Connection, run_id: str) -> Row[Any] | None:
    """Return the run's row, locked against changes until the transaction ends."""
    return connection.execute(select(runs).where(runs.c.id == run_id).with_for_update()).first()


def lock_idle_run(connection: Connection, run_id: str) -> None:
    """Lock a run's row.

    Raises:
        UnknownRun: no run has this id.
        RunNotReady: it is running.
    """
    row = lock_run(connection, run_id)
    if row is None:
        raise no_run(run_id)
    if row.state == RunState.RUNNING:
        raise RunNotReady(f"Run {run_id} is running and cannot be deleted: stop it first.")


def run_of(row: Row[Any]) -> Run:
    """Return the record of a row."""
    fields = dict(row._mapping)
    for column in _FOR_QUERIES:
        del fields[column]
    fields["state"] = RunState(row.state)
    fields["config"] = RunConfig.model_validate_json(row.config)
    fields["progress"] = Progress(**row.progress) if row.progress else None
    fields["result"] = TestResult(**row.result) if row.result else None
    fields["tags"] = tuple(row.tags)
    fields["is_favourite"] = bool(row.is_favourite)
    fields["shows_images"] = bool(row.shows_images)
    return Run(**fields)
