"""The store in an SQL database: one class, because callers see one thing."""

from tl_core.store.annotations import SqlAnnotations
from tl_core.store.contract import Store
from tl_core.store.datasets import SqlDatasets
from tl_core.store.presets import SqlPresets
from tl_core.store.reports import SqlReports
from tl_core.store.runs import SqlRuns
from tl_core.store.states import SqlStates


class SqlStore(SqlDatasets, SqlRuns, SqlStates, SqlReports, SqlAnnotations, SqlPresets):
    """The `Store` contract over SQLite or PostgreSQL. Threads may share one; forked children get connections anew."""


def open_store(url: str) -> Store:
    """The store at `url`: `sqlite:///path/to/file.db` or `postgresql://user:password@host/database`.

    A file is made with its folder when missing, and the schema is brought up to date.

    Raises:
        StoreUnavailable: the URL cannot be read, or the database cannot be opened.
        StoreTooNew: a newer release has changed the database's schema.
    """
    return SqlStore(url)
