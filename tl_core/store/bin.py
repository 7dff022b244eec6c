"""Bin in the database: datasets and runs that were deleted and can still be restored."""

import time

from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from tl_core.records import Binned
from tl_core.store.database import Database
from tl_core.store.datasets import lock_unused_dataset
from tl_core.store.runs import lock_idle_run
from tl_core.store.tables import datasets, runs


class SqlBin(Database):
    """Part of the `Store` contract: the bin."""

    def bin_dataset(self, dataset_id: str) -> None:
        with self.ending() as connection:
            lock_unused_dataset(connection, dataset_id)
            _put_in(connection, datasets, dataset_id)

    def bin_run(self, run_id: str) -> None:
        with self.ending() as connection:
            lock_idle_run(connection, run_id)
            _put_in(connection, runs, run_id)

    def restore_dataset(self, dataset_id: str) -> bool:
        with self.writing() as connection:
            return _take_out(connection, datasets, dataset_id)

    def restore_run(self, run_id: str) -> bool:
        with self.writing() as connection:
            return _take_out(connection, runs, run_id)

    def list_bin(self, *, owner: str | None = None) -> list[Binned]:
        columns = datasets.c
        of_datasets = select(columns.id, columns.name, columns.binned_at, columns.owner)
        columns = runs.c
        of_runs = select(
            columns.id, columns.title, columns.dataset_name, columns.binned_at, columns.owner
        )
        with self.reading() as connection:
            found = [
                Binned("dataset", row.id, row.name, row.binned_at, row.owner)
                for row in connection.execute(of_datasets.where(*_binned_by(datasets, owner)))
            ]
            found += [
                Binned("run", row.id, row.title or row.dataset_name, row.binned_at, row.owner)
                for row in connection.execute(of_runs.where(*_binned_by(runs, owner)))
            ]
        return sorted(found, key=lambda binned: (-binned.binned_at, binned.id))

    def delete_binned(self, binned: Binned) -> bool:
        table = runs if binned.kind == "run" else datasets
        # With the time, so that nothing is lost that was restored and deleted again meanwhile.
        is_same = (table.c.id == binned.id, table.c.binned_at == binned.binned_at)
        with self.ending() as connection:
            return bool(connection.execute(delete(table).where(*is_same)).rowcount)


def _in_bin(table: Table) -> ColumnElement[bool]:
    return table.c.binned_at.is_not(None)


def _binned_by(table: Table, owner: str | None) -> list[ColumnElement[bool]]:
    return [_in_bin(table)] if owner is None else [_in_bin(table), table.c.owner == owner]


def _put_in(connection: Connection, table: Table, record_id: str) -> None:
    # What is in the bin already keeps its time.
    change = update(table).where(table.c.id == record_id, ~_in_bin(table))
    connection.execute(change.values(binned_at=time.time()))


def _take_out(connection: Connection, table: Table, record_id: str) -> bool:
    """Take a record out of the bin; return whether it was there."""
    change = update(table).where(table.c.id == record_id, _in_bin(table))
    return bool(connection.execute(change.values(binned_at=None)).rowcount)
