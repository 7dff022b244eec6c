"""Snapshot of all tables, written as lines of JSON and loaded into a database of either kind.

Values are those that the database holds, before any of our types read them. A snapshot of an
earlier schema is loaded into a temporary database of that schema, which is then migrated.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, Table, text

from tl_core.store.migrations import MIGRATIONS
from tl_core.store.sql import SqlStore

_LEFT_OUT = frozenset({"sessions"})
"""Tables that no backup holds: a session that was ended must not come back to life."""
_VERSION = "schema_version"
_BYTES = "base64"
_AT_ONCE = 500
"""Rows that are inserted by one statement."""

Line = str
Lines = Mapping[str, Iterable[Line]]
"""Lines of each table: the names of its columns, then one row each."""


def newest_version() -> int:
    """Return the version of the schema of this release."""
    return len(MIGRATIONS)


class Snapshot:
    """All tables as they were at one moment, while others go on writing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # The first reading decides of which moment the snapshot is.
        self._tables = {
            table.name: table for table in _tables(connection) if table.name not in _LEFT_OUT
        }
        self.datasets = self._ids("datasets")
        """Ids of all datasets, also of those in the bin."""
        self.runs = self._ids("runs")
        """Ids of all runs, likewise."""

    @property
    def tables(self) -> list[str]:
        return list(self._tables)

    def lines(self, table: str) -> Iterator[Line]:
        """Yield the names of a table's columns, then one row a line."""
        return _lines(self._connection, self._tables[table])

    def _ids(self, table: str) -> frozenset[str]:
        found = self._connection.execute(sa.select(self._tables[table].c.id))
        return frozenset(found.scalars())


@contextmanager
def snapshot(store: SqlStore) -> Iterator[Snapshot]:
    """Yield a snapshot, which can be read inside the block.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    with store.looking() as connection:
        yield Snapshot(connection)


def rebuild(file: Path, version: int, lines: Lines) -> SqlStore:
    """Make an SQLite database of a snapshot and migrate it to the schema of this release.

    Args:
        file: a new file.
        version: version of the snapshot's schema.

    Raises:
        ValueError: the snapshot does not fit its schema.
    """
    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE {_VERSION} (version BIGINT NOT NULL)"))
            for step in MIGRATIONS[:version]:
                step(connection)
            for table in _tables(connection):
                _insert(connection, table, _rows(table, lines.get(table.name, ())))
    except (sa.exc.DBAPIError, KeyError) as error:
        raise ValueError(f"its tables do not fit ({type(error).__name__})") from error
    finally:
        engine.dispose()
    return SqlStore(f"sqlite:///{file}")


def copy_over(source: SqlStore, connection: Connection, settings: Mapping[str, Any]) -> None:
    """Replace all rows of a database by those of another, inside the caller's transaction.

    Args:
        source: of the same schema.
        connection: to the database that is overwritten.
        settings: house settings that are kept or set beside those of the source.
    """
    tables = [table for table in _tables(connection) if table.name != _VERSION]
    for table in reversed(tables):
        connection.execute(table.delete())
    with source.looking() as reading:
        originals = {table.name: table for table in _tables(reading)}
        for table in tables:
            found = reading.execution_options(yield_per=_AT_ONCE).execute(
                sa.select(originals[table.name])
            )
            _insert(connection, table, (dict(row._mapping) for row in found))
    house = next(table for table in tables if table.name == "house_settings")
    connection.execute(house.delete().where(house.c.name.in_(list(settings))))
    rows = [{"name": name, "value": json.dumps(value)} for name, value in settings.items()]
    connection.execute(house.insert(), rows)
    if connection.dialect.name == "postgresql":
        # Rows with numbers of their own leave PostgreSQL's counter where it was.
        counter = "SELECT setval(pg_get_serial_sequence('runs', 'number'), max(number)) FROM runs"
        connection.execute(text(counter))


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as they are, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return found.sorted_tables


def _lines(connection: Connection, table: Table) -> Iterator[Line]:
    yield json.dumps([column.name for column in table.columns])
    query = sa.select(table).order_by(*table.primary_key.columns)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(query)
    with closing(rows):
        for row in rows:
            yield json.dumps([_plain(value) for value in row])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {_BYTES: base64.b64encode(bytes(value)).decode()}
    return value


def _rows(table: Table, lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    reader = iter(lines)
    names = json.loads(next(reader, "[]"))
    for line in reader:
        values = [
            base64.b64decode(value[_BYTES]) if isinstance(value, dict) else value
            for value in json.loads(line)
        ]
        row = dict(zip(names, values, strict=True))
        # Raises KeyError for a column that the schema does not have.
        yield {table.columns[name].name: value for name, value in row.items()}


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            connection.execute(table.insert(), batch)
            batch = []
    if batch:
        connection.execute(table.insert(), batch)
