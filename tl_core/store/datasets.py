"""Datasets in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from tl_core.errors import DatasetInUse, UnknownDataset
from tl_core.records import DatasetRecord, ImageRecord, RunState, SkippedFile
from tl_core.store.absent import no_dataset
from tl_core.store.database import Database
from tl_core.store.tables import Text, datasets, images, row_of, runs, skipped_files

SHORTEST_START = 4
"""Shortest prefix of an id that is searched for, in characters."""


class SqlDatasets(Database):
    """Part of the `Store` contract: datasets."""

    def add_dataset(
        self, record: DatasetRecord, images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]
    ) -> DatasetRecord:
        # Built before the transaction begins, since on SQLite other writers wait for its end.
        rows = {
            _images: [row_of(image, dataset_id=record.id) for image in images],
            skipped_files: [
                row_of(file, dataset_id=record.id, position=n) for n, file in enumerate(skipped)
            ],
        }
        with self.writing() as connection:
            new = connection.execute(
                self.insert_new(datasets).values(_values(record)).returning(datasets.c.id)
            ).first()
            for table in rows if new else ():
                if rows[table]:
                    connection.execute(insert(table), rows[table])
            if not new:
                back = update(datasets).where(datasets.c.id == record.id)
                connection.execute(back.values(binned_at=None))
        return record if new else self.get_dataset(record.id)

    def get_dataset(self, dataset: str, *, reader: str | None = None) -> DatasetRecord:
        matches = or_(datasets.c.name == dataset, starts_with(datasets, dataset))
        query = select(datasets).where(matches, *_seen_by(reader))
        with self.reading() as connection:
            found = [dataset_of(row) for row in connection.execute(query)]
        # A full id takes precedence, since another dataset may bear it as its name.
        matching = [record for record in found if record.id == dataset] or found
        if len(matching) == 1:
            return matching[0]
        if matching:
            ids = ", ".join(sorted(record.id for record in matching))
            raise UnknownDataset(
                f"{len(matching)} datasets match {dataset!r}: give one of the ids {ids}."
            )
        raise UnknownDataset(f"There is no dataset {dataset!r}. {self._known_datasets(reader)}")

    def _known_datasets(self, reader: str | None) -> str:
        known = self.list_datasets(reader=reader)
        if not known:
            return "There are none yet: import one first."
        names = ", ".join(f"{record.name} ({record.id})" for record in known[:5])
        more = f" and {len(known) - 5} more" if len(known) > 5 else ""
        return f"There are {names}{more}."

    def list_datasets(self, *, reader: str | None = None) -> list[DatasetRecord]:
        query = select(datasets).where(*_seen_by(reader))
        newest_first = query.order_by(datasets.c.created_at.desc(), datasets.c.id)
        with self.reading() as connection:
            return [dataset_of(row) for row in connection.execute(newest_first)]

    def list_images(self, dataset_id: str) -> list[ImageRecord]:
        columns = [column for column in images.c if column is not images.c.dataset_id]
        query = (
            select(*columns).where(images.c.dataset_id == dataset_id).order_by(images.c.position)
        )
        with self.reading() as connection:
            return [ImageRecord(**row._mapping) for row in connection.execute(query)]

    def list_skipped(self, dataset_id: str) -> list[SkippedFile]:
        table = skipped_files
        query = (
            select(table.c.name, table.c.reason)
            .where(table.c.dataset_id == dataset_id)
            .order_by(table.c.position)
        )
        with self.reading() as connection:
            return [SkippedFile(row.name, row.reason) for row in connection.execute(query)]

    def delete_dataset(self, dataset_id: str) -> None:
        with self.ending() as connection:
            lock_unused_dataset(connection, dataset_id)
            connection.execute(delete(datasets).where(datasets.c.id == dataset_id))


_images = images
"""Table of images, for methods with an argument of that name."""


def lock_unused_dataset(connection: Connection, dataset_id: str) -> None:
    """Lock a dataset's row, which makes `add_run` wait until the transaction has ended.

    Raises:
        UnknownDataset: no dataset has this id.
        DatasetInUse: a queued, running or paused run outside the bin needs it.
    """
    locked = select(datasets.c.name).where(datasets.c.id == dataset_id).with_for_update()
    row = connection.execute(locked).first()
    if row is None:
        raise no_dataset(dataset_id)
    unfinished = [state.value for state in RunState if not state.is_finished]
    dependants = select(runs.c.id, runs.c.state).where(
        runs.c.dataset_id == dataset_id, runs.c.state.in_(unfinished), runs.c.binned_at.is_(None)
    )
    needed_by = [f"{run.id} ({run.state})" for run in connection.execute(dependants)]
    if needed_by:
        it = "it" if len(needed_by) == 1 else "them"
        raise DatasetInUse(
            f"{row.name} cannot be deleted while runs need it: wait for "
            f"{', '.join(sorted(needed_by))}, or stop {it} first."
        )


def _seen_by(reader: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions on the datasets outside the bin that a person sees; None: all."""
    is_kept = datasets.c.binned_at.is_(None)
    if reader is None:
        return [is_kept]
    return [is_kept, or_(datasets.c.owner == reader, datasets.c.shared_at.is_not(None))]


def starts_with(table: Table, text: str) -> Any:
    """Return the condition that a row's id is `text`, or starts with it if it is long enough."""
    if len(text) < SHORTEST_START:
        return table.c.id == text
    # Not LIKE, which ignores case on SQLite and not on PostgreSQL.
    return func.substr(table.c.id, 1, len(text), type_=Text) == text


def _values(record: DatasetRecord) -> dict[str, Any]:
    # PostgreSQL would refuse a boolean in an integer column.
    return {**row_of(record), "is_copy": int(record.is_copy)}


def dataset_of(row: Row[Any]) -> DatasetRecord:
    fields = {name: value for name, value in row._mapping.items() if name != "binned_at"}
    # JSON has no tuples.
    tuples = {name: tuple(fields[name]) for name in ("classes", "counts", "warnings")}
    if (levels := fields["levels"]) is not None:
        tuples["levels"] = tuple((kind, black, white) for kind, black, white in levels)
    fields["is_copy"] = bool(row.is_copy)
    return DatasetRecord(**{**fields, **tuples})
