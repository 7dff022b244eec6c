"""Queue in the database: whose run is next, and changes of the order."""

from sqlalchemy import Connection, Row, func, select, text, update

from tl_core.errors import RunNotReady
from tl_core.records import Run, RunState
from tl_core.store.absent import no_run
from tl_core.store.contract import Move
from tl_core.store.database import Database
from tl_core.store.runs import IS_KEPT, lock_run, next_rank
from tl_core.store.states import claim
from tl_core.store.tables import house_settings, runs, turns
from tl_core.store.turns import LAST, Entry, Waiting, in_turn
from tl_core.store.usage import resting

_LOCK = 8_337_112_921
"""Number of the PostgreSQL advisory lock for claiming; arbitrary, but equal in every process."""
_HELD = "queue is held"
_WAITS = (runs.c.state == RunState.QUEUED, IS_KEPT)


class SqlQueue(Database):
    """Part of the `Store` contract: the queue."""

    def claim_next_run(self) -> Run | None:
        with self.writing() as connection:
            self._one_at_a_time(connection)
            if _is_held(connection):
                return None
            waited_longest = func.coalesce(turns.c.turn, 0)
            query = (
                select(runs.c.id, runs.c.owner)
                .outerjoin(turns, turns.c.owner == runs.c.owner)
                .where(*_WAITS, runs.c.owner.not_in(list(resting(connection))))
                .order_by(runs.c.urgency.desc(), waited_longest, runs.c.rank, runs.c.number)
                .limit(1)
            )
            # Somebody is just changing a row that is locked: take the next one instead.
            row = connection.execute(query.with_for_update(of=runs, skip_locked=True)).first()
            run = row and claim(connection, row.id)
            if row and run:
                self._take_turn(connection, row.owner)
            return run

    def list_queue(self, newcomer: str | None = None) -> list[Waiting]:
        columns = (runs.c.id, runs.c.owner, runs.c.rank, runs.c.urgency)
        with self.reading() as connection:
            rows = connection.execute(select(*columns).where(*_WAITS)).all()
            last_turns = {row.owner: row.turn for row in connection.execute(select(turns))}
            rest_until = resting(connection)
        queue = [Entry(row.id, row.owner, rank=row.rank, urgency=row.urgency) for row in rows]
        if newcomer is not None:
            queue.append(Entry("", newcomer, rank=LAST))
        order = in_turn(queue, last_turns)
        # Sorting is stable, so that all others keep their order.
        order.sort(key=lambda entry: rest_until.get(entry.owner, 0.0))
        return [Waiting(each.run_id, each.owner, each.owner in rest_until) for each in order]

    def move_run(self, run_id: str, where: Move) -> None:
        with self.writing() as connection:
            self._one_at_a_time(connection)
            row = lock_run(connection, run_id)
            if row is None or row.binned_at is not None:
                raise no_run(run_id)
            if row.state != RunState.QUEUED:
                raise RunNotReady(f"Run {run_id} is {row.state}: only a waiting run can be moved.")
            this = update(runs).where(runs.c.id == run_id)
            if where == "front":
                connection.execute(this.values(urgency=_most_urgent(connection) + 1))
                return
            # With others of the same person waiting, the turn is theirs; else it is passed on.
            if row.urgency == 0 and not _has_others(connection, row):
                self._take_turn(connection, row.owner)
            connection.execute(this.values(urgency=0, rank=next_rank()))

    def hold_queue(self, is_held: bool) -> None:
        row = self.insert(house_settings).values(name=_HELD, value=is_held)
        change = row.on_conflict_do_update(index_elements=["name"], set_={"value": is_held})
        with self.writing() as connection:
            connection.execute(change)

    def is_queue_held(self) -> bool:
        with self.reading() as connection:
            return _is_held(connection)

    def _one_at_a_time(self, connection: Connection) -> None:
        """Let no other process take a turn until the transaction ends."""
        # On SQLite the transaction excludes other writers already.
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))

    def _take_turn(self, connection: Connection, owner: str) -> None:
        """Note that a person has had the latest turn."""
        last = connection.execute(select(func.max(turns.c.turn))).scalar() or 0
        row = self.insert(turns).values(owner=owner, turn=last + 1)
        change = row.on_conflict_do_update(index_elements=["owner"], set_={"turn": last + 1})
        connection.execute(change)


def _is_held(connection: Connection) -> bool:
    query = select(house_settings.c.value).where(house_settings.c.name == _HELD)
    return bool(connection.execute(query).scalar())


def _most_urgent(connection: Connection) -> int:
    highest: int | None = connection.execute(
        select(func.max(runs.c.urgency)).where(*_WAITS)
    ).scalar()
    return highest or 0


def _has_others(connection: Connection, row: Row[tuple[object, ...]]) -> bool:
    others = select(runs.c.id).where(*_WAITS, runs.c.owner == row.owner, runs.c.id != row.id)
    return connection.execute(others.limit(1)).first() is not None
