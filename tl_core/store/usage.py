"""Use that each person makes of what all share: waiting runs, training time, images, files."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from tl_core.records import RunState
from tl_core.store.database import Database
from tl_core.store.queries import DAY, Usage
from tl_core.store.runs import IS_KEPT
from tl_core.store.tables import datasets, house_settings, runs, training_time

_RESTING = "people who rest"
"""Setting that maps the id of a person to the time until which their runs wait."""

_SILENT_SECONDS = 60.0
"""Longest time between two signs of life of a process that trains."""


class SqlUsage(Database):
    """Part of the `Store` contract: use by person."""

    def usage_of(self, owner: str) -> Usage:
        now = time.time()
        spent = training_time.c
        recent = select(spent.ended_at, spent.seconds).where(
            spent.owner == owner, spent.ended_at > now - DAY
        )
        n_waiting = select(func.count()).where(
            runs.c.state == RunState.QUEUED, runs.c.owner == owner, IS_KEPT
        )
        running = select(runs.c.started_at, runs.c.heard_at).where(
            runs.c.state == RunState.RUNNING, runs.c.owner == owner
        )
        mine = datasets.c.owner == owner
        with self.reading() as connection:
            under_way = connection.execute(running).all()
            kept = connection.execute(
                select(datasets.c.id, datasets.c.counts, datasets.c.is_copy, datasets.c.binned_at)
                .where(mine)
                # The order of rows in the table depends on what others do.
                .order_by(datasets.c.id)
            ).all()
            return Usage(
                waiting_runs=connection.execute(n_waiting).scalar_one(),
                spent=tuple((row.ended_at, row.seconds) for row in connection.execute(recent)),
                seconds_under_way=sum(
                    _seconds(row.started_at, row.heard_at, now) for row in under_way
                ),
                # The images of a copy are those that were shared.
                images=sum(
                    sum(row.counts) for row in kept if not row.is_copy and row.binned_at is None
                ),
                datasets=tuple(row.id for row in kept),
                runs=tuple(
                    connection.execute(
                        select(runs.c.id).where(runs.c.owner == owner).order_by(runs.c.number)
                    ).scalars()
                ),
            )

    def let_rest(self, until: Mapping[str, float]) -> None:
        row = self.insert(house_settings).values(name=_RESTING, value=dict(until))
        change = row.on_conflict_do_update(
            index_elements=["name"], set_={"value": row.excluded.value}
        )
        with self.writing() as connection:
            connection.execute(change)


def resting(connection: Connection) -> dict[str, float]:
    """Return until when people rest who do so at the moment, by id."""
    query = select(house_settings.c.value).where(house_settings.c.name == _RESTING)
    now = time.time()
    found = connection.execute(query).scalar() or {}
    return {owner: until for owner, until in found.items() if until > now}


def note_time(connection: Connection, row: Row[Any]) -> None:
    """Note the time that a run, which is about to end or to pause, has taken since it started."""
    if row.state != RunState.RUNNING or row.started_at is None:
        return
    now = time.time()
    seconds = _seconds(row.started_at, row.heard_at, now)
    connection.execute(insert(training_time).values(owner=row.owner, ended_at=now, seconds=seconds))
    expired = delete(training_time).where(
        training_time.c.owner == row.owner, training_time.c.ended_at < now - 2 * DAY
    )
    connection.execute(expired)


def _seconds(started_at: float | None, heard_at: float | None, now: float) -> float:
    """Return the seconds since a run started for which its process was there."""
    # A server that was away for hours did not train. Nor must a clock that was set back give time.
    there_until = now if heard_at is None else min(now, heard_at + _SILENT_SECONDS)
    return max(0.0, there_until - (started_at or now))
