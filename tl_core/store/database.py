"""Connections to SQLite or PostgreSQL that behave alike."""

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from tl_core.errors import StoreAway, StoreFull, StoreUnavailable
from tl_core.files import make_private
from tl_core.store.migrations import migrate

HaveRoom = Callable[[], AbstractContextManager[None]]
_EXAMPLES = "sqlite:///path/to/file.db or postgresql://user:password@host/database"
_ONE_MOMENT = "REPEATABLE READ"
_BUSY_SECONDS = 30
"""Longest wait of a writer for other writers on SQLite."""


class Database:
    """Database engine with reading and writing transactions."""

    def __init__(self, url: str, have_room: HaveRoom = nullcontext) -> None:
        """Connect, and migrate the schema to the current version.

        Args:
            url: see `open_store`.
            have_room: entered around what must succeed on a full disk, too.

        Raises:
            StoreUnavailable: the URL is invalid, or no database answers there. The message never
                contains the password.
        """
        self._url = _normalise(url)
        self._have_room = have_room
        self._engine = _make_engine(self._url)
        # The execution option is read by `_begin`; both share one pool.
        self._readers = self._engine.execution_options(reads_only=True)
        _renew_after_fork(self._engine)
        try:
            self._migrate()
        except DBAPIError as error:
            self.close()
            raise self._unavailable(error) from error

    def _migrate(self) -> None:
        try:
            with self._engine.begin() as connection:
                migrate(connection)
        except DBAPIError as error:
            if not _is_full(error.orig):
                raise
            # Even to read, SQLite needs a little for the index of its write-ahead log.
            with self._have_room(), self._engine.begin() as connection:
                migrate(connection)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read-only transaction, which on SQLite never waits for a writer."""
        with self._translated(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Open a read-only transaction in which every query sees the same moment."""
        # SQLite's transactions do so in any case.
        level = {} if self._engine.dialect.name == "sqlite" else {"isolation_level": _ONE_MOMENT}
        readers = self._readers.execution_options(**level)
        with self._translated(), readers.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that may read and then write.

        On SQLite it excludes other writers from its first statement on. On PostgreSQL others may
        write meanwhile, so rows that will be changed are read `with_for_update`.
        """
        is_committing = False
        try:
            with self._translated(), self._engine.begin() as connection:
                yield connection
                is_committing = True
        except StoreAway as error:
            error.may_be_done = is_committing
            raise

    @contextmanager
    def ending(self) -> Iterator[Connection]:
        """Open a transaction like `writing`, for which room is made on a full disk.

        For deletions, which cure a full disk, and for the end of a run, which a full disk may
        have caused.
        """
        with self._have_room(), self.writing() as connection:
            yield connection

    def insert_new(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert statement that skips rows whose key exists."""
        return self.insert(table).on_conflict_do_nothing()

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert statement of the dialect, which supports `on_conflict_do_update`."""
        if self._engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        # Other errors of the database, such as broken constraints, are mistakes in the code.
        except (OperationalError, InterfaceError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: DBAPIError) -> StoreUnavailable:
        reason = " ".join(str(error.orig).split()) or type(error.orig).__name__
        # A URL of PostgreSQL may also have the password among its options.
        for secret in (self._url.password, self._url.query.get("password")):
            if secret:
                reason = reason.replace(str(secret), "***")
        place = _describe(self._url)
        if _is_full(error.orig):
            return StoreFull(
                f"The disk of the store at {place} is full, so nothing more can be kept: delete "
                "what is no longer needed and empty the bin, or free some space otherwise."
            )
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return StoreAway(
                f"The store at {place} is locked: another program has been writing to it for "
                f"{_BUSY_SECONDS:g} seconds. Try again when it is done."
            )
        kind = StoreAway if _is_away(error) else StoreUnavailable
        return kind(f"The store at {place} cannot be used: {reason.rstrip('.')}.")


def _is_away(error: DBAPIError) -> bool:
    """Return whether a connection to a server was lost, or could not be made."""
    if not isinstance(error.orig, psycopg.Error):
        return False
    # Connections that are refused or cut have no code; 57P are the server's shutdowns and starts.
    code = error.orig.sqlstate or ""
    return error.connection_invalidated or code == "" or code.startswith(("08", "57P", "53300"))


def _is_full(error: BaseException | None) -> bool:
    """Return whether a database's driver tells that the disk is full."""
    if isinstance(error, psycopg.errors.DiskFull):
        return True
    # Only `SQLITE_FULL` says so; on some disks the index of the log fails otherwise.
    code = getattr(error, "sqlite_errorcode", None)
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


def _normalise(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreUnavailable(
            f"The store's URL cannot be read; it should look like {_EXAMPLES}."
        ) from error
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreUnavailable(
            f"A store cannot be kept in {url.drivername!r}; its URL should look like {_EXAMPLES}."
        )
    if not url.database or url.database == ":memory:":
        raise StoreUnavailable(
            "A store is a file that processes share, not memory: use sqlite:///path/to/file.db."
        )
    # Absolute, since the pool may open connections after the working directory has changed.
    return url.set(database=str(Path(url.database).expanduser().absolute()))


def folder_of_store(url: str) -> Path | None:
    """Return the folder of an SQLite database; None for a server's, which has a disk of its own.

    Raises:
        StoreUnavailable: the URL is invalid.
    """
    normal = _normalise(url)
    return Path(str(normal.database)).parent if normal.drivername.startswith("sqlite") else None


def _describe(url: URL) -> str:
    """Return the location of the store, without password and options."""
    if url.drivername.startswith("sqlite"):
        # In quotes, so that a path with spaces is seen to be one.
        return f'"{url.database}"'
    host = url.host or url.query.get("host") or "this machine"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL {host}{port}/{url.database or ''}"


def _make_engine(url: URL) -> Engine:
    if url.drivername.startswith("sqlite"):
        return _make_sqlite_engine(url)
    # Otherwise the server's default decides, which need not be able to represent every name.
    arguments: dict[str, Any] = {"client_encoding": "utf8"}
    # By default libpq waits for a silent host until the system gives up, which takes minutes.
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = 10
    # Pre-ping, because the server may have restarted and closed connections of the pool.
    return create_engine(url, pool_pre_ping=True, connect_args=arguments)


def _make_sqlite_engine(url: URL) -> Engine:
    _prepare_file(Path(str(url.database)))
    # The driver would begin a transaction only at its first write: of two that read and then
    # write, one would overwrite the other. So `_begin` starts transactions instead.
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_file(path: Path) -> None:
    """Make the folder of a store, and an empty file in it that its owner alone can open.

    SQLite gives the files beside it, such as the write-ahead log, the rights that it has itself.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f'The folder of the store "{path}" cannot be made: {error.strerror}.'
        ) from error
    # Where no file can be made, SQLite has a better reason than this would give.
    with suppress(OSError):
        path.touch(0o600)
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        make_private(file)


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    _use_write_ahead_log(connection)
    # With the write-ahead log, a power failure may then cost the last commits, but never damages
    # the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    # SQLite ignores foreign keys unless each connection asks for them; deletions rely on their
    # cascades.
    connection.execute("PRAGMA foreign_keys = ON")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let readers and one writer work at the same time. The setting persists in the file."""
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The timeout does not cover this statement when two processes open a new file at once.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    # A transaction that read first and writes later would fail at once, without waiting, if another
    # one has written meanwhile. IMMEDIATE waits for the write lock at the beginning.
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _renew_after_fork(engine: Engine) -> None:
    """Make a forked child, such as a data loader's worker, open its own connections.

    It must not close those that it inherits, since its parent still uses them.
    """
    # The hook below can never be removed, and must not keep a closed store's engine alive.
    reference = weakref.ref(engine)

    def renew() -> None:
        if (inherited := reference()) is not None:
            inherited.dispose(close=False)

    # Nothing forks on Windows.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)
