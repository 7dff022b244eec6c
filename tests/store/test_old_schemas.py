"""Databases that earlier releases have filled are brought up to date on both kinds of database."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, create_engine, text
from store.test_migrations import describe

from tl_core.records import RunState
from tl_core.store import SqlStore
from tl_core.store.database import _normalise
from tl_core.store.migrations import MIGRATIONS
from tl_core.store.snapshot import Snapshot, rebuild
from tl_core.store.tables import metadata

OLD = {
    int(re.findall(r"\d+", path.stem)[0]): path
    for path in sorted((Path(__file__).parent / "old").glob("*.sql"))
}
"""SQL of a database by its schema's version, as `old/make.py` writes it."""


def test_there_is_one_of_every_earlier_schema():
    assert set(range(1, len(MIGRATIONS))) <= OLD.keys()


def old_file(tmp_path: Path, version: int) -> Path:
    """Return an SQLite database as a release with that schema left it."""
    file = tmp_path / f"old-{version}.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD[version].read_text("utf-8"))
    return file


def build(connection: Connection, version: int) -> None:
    """Make empty tables by the first migrations."""
    connection.execute(text("CREATE TABLE schema_version (version BIGINT NOT NULL)"))
    for step in MIGRATIONS[:version]:
        step(connection)


@pytest.mark.parametrize("version", OLD)
def test_released_migrations_still_make_what_they_made(tmp_path: Path, version: int):
    made = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    left = create_engine(f"sqlite:///{old_file(tmp_path, version)}")
    with made.begin() as new, left.connect() as old:
        build(new, version)
        assert describe(new) == describe(old)
    made.dispose()
    left.dispose()


def put_old_content(url: str, file: Path, version: int) -> None:
    """Fill an empty database of either kind with the rows of an old SQLite database."""
    source = create_engine(f"sqlite:///{file}")
    target = create_engine(_normalise(url))
    with source.connect() as old, target.begin() as new:
        build(new, version)
        tables = MetaData()
        tables.reflect(old)
        places = MetaData()
        places.reflect(new)
        for table in places.sorted_tables:
            rows = old.execute(sa.select(tables.tables[table.name])).all()
            if rows:
                new.execute(table.insert(), [dict(row._mapping) for row in rows])
    source.dispose()
    target.dispose()


def rows_of(store: SqlStore) -> dict[str, list]:
    with store.reading() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("version", OLD)
def test_what_an_old_release_kept_is_read_by_this_one(
    tmp_path: Path, url: str, open_url, version: int
):
    file = old_file(tmp_path, version)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    put_old_content(url, file, version)
    store = open_url(url)
    [dataset] = store.list_datasets()
    assert dataset.name == "Björk & <b>" and dataset.owner == ""
    images = store.list_images(dataset.id)
    assert len(images) == dataset.n and {i.class_name for i in images} == set(dataset.classes)
    [run] = store.list_runs()
    assert run.state is RunState.COMPLETED and run.epochs_done == 2 and run.owner == ""
    assert run.config.data.dataset_id == dataset.id and run.result.n > 0
    assert run.facts.classes == dataset.classes and run.facts.splits.test == run.result.n
    points = store.list_metrics(run.id)
    assert {point.epoch for point in points} == {1, 2}
    assert {point.name for point in points} >= {"batch_loss", "loss", "accuracy"}
    _, predictions = store.list_predictions(run.id, "test")
    assert len(predictions) == run.result.n
    assert all(len(p.probabilities) == len(dataset.classes) for p in predictions)
    # It goes on from there.
    assert store.add_run(run.config, dataset.name) in store.list_runs()
    if not url.startswith("sqlite"):
        in_a_file = open_url(f"sqlite:///{file}")
        store.delete_run(store.list_runs()[0].id)
        assert rows_of(store) == rows_of(in_a_file), "both kinds of database hold the same"


@pytest.mark.parametrize("version", OLD)
def test_a_backup_of_an_old_release_is_migrated_on_its_way_in(
    tmp_path: Path, open_url, version: int
):
    file = old_file(tmp_path, version)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        old = Snapshot(connection)
        lines = {table: list(old.lines(table)) for table in old.tables}
    engine.dispose()
    restored = rebuild(tmp_path / "restored.db", version, lines)
    assert rows_of(restored) == rows_of(open_url(f"sqlite:///{file}"))
    restored.close()
