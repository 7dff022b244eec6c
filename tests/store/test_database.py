"""A database that cannot be used is said in a sentence."""

import sqlite3
from contextlib import closing

import pytest

from tl_core.errors import StoreUnavailable
from tl_core.store import SqlStore, database


def test_a_database_that_is_locked_for_long_is_said_to_be_locked(sqlite_url, config, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    store = SqlStore(sqlite_url)
    file = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = r"is locked: another program has been writing to it for 0\.05 seconds\. Try again"
        with pytest.raises(StoreUnavailable, match=said):
            store.add_run(config, "flowers")
        assert store.list_runs() == []
    assert store.add_run(config, "flowers") in store.list_runs()
    store.close()
