"""Migrations lead to the schema of the tables, and keep the data of older releases."""

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from making_facts import full_facts
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from tl_core.config import make_run_config
from tl_core.errors import StoreTooNew
from tl_core.facts import FrozenPace, PlannedPhase, RunFacts, SplitSizes
from tl_core.records import RunState
from tl_core.runs.endings import ending_words
from tl_core.store import RunQuery, SqlStore, migrations
from tl_core.store.database import _normalise
from tl_core.store.tables import Json, metadata


@pytest.fixture
def engine(url: str, store: SqlStore) -> Engine:
    """Return an engine on the database of a store that was opened once."""
    engine = create_engine(_normalise(url))
    yield engine
    engine.dispose()


def describe(connection: Connection) -> dict:
    """Describe columns, keys and indexes of every table except that of schema versions."""
    look = inspect(connection)
    return {
        table: {
            "columns": {
                c["name"]: (str(c["type"]), c["nullable"]) for c in look.get_columns(table)
            },
            "primary key": look.get_pk_constraint(table)["constrained_columns"],
            "unique": [u["column_names"] for u in look.get_unique_constraints(table)],
            "indexes": {
                i["name"]: i["column_names"]
                for i in look.get_indexes(table)
                if not i.get("duplicates_constraint")
            },
            "foreign keys": [
                (
                    f["constrained_columns"],
                    f["referred_table"],
                    f["referred_columns"],
                    f["options"].get("ondelete"),
                )
                for f in look.get_foreign_keys(table)
            ],
        }
        for table in look.get_table_names()
        if table != "schema_version"
    }


LATER_COLUMNS = (
    ("images", "pixels"),
    ("datasets", "reading"),
    ("datasets", "levels"),
    ("datasets", "binned_at"),
    ("runs", "binned_at"),
)
"""Columns that were added after the versions to which `make_older` goes back."""


WITHOUT_QUEUE = """
DROP TABLE training_time; ALTER TABLE runs DROP COLUMN heard_at;
DROP INDEX runs_by_comparison; DROP INDEX runs_by_rank; DROP TABLE turns;
ALTER TABLE runs DROP COLUMN backbone; ALTER TABLE runs DROP COLUMN comparison;
ALTER TABLE runs DROP COLUMN rank; ALTER TABLE runs DROP COLUMN urgency;
"""
"""Statements that undo the steps to versions 11 to 13."""
WITHOUT_PEOPLE = """
DROP TABLE sessions; DROP TABLE people; DROP TABLE house_settings;
DROP INDEX runs_by_owner; DROP INDEX runs_by_publication; DROP INDEX datasets_by_owner;
ALTER TABLE runs DROP COLUMN owner; ALTER TABLE runs DROP COLUMN published_at;
ALTER TABLE runs DROP COLUMN shows_images; ALTER TABLE datasets DROP COLUMN owner;
ALTER TABLE datasets DROP COLUMN fingerprint; ALTER TABLE datasets DROP COLUMN shared_at;
ALTER TABLE datasets DROP COLUMN is_copy; ALTER TABLE presets RENAME TO with_owners;
CREATE TABLE presets (name TEXT NOT NULL PRIMARY KEY, description TEXT NOT NULL,
config TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL);
INSERT INTO presets SELECT name, description, config, created_at FROM with_owners;
DROP TABLE with_owners
"""
"""Statements that undo the step to version 10."""


def make_older(store: SqlStore, version: int) -> None:
    """Take a store back to an earlier version, whose later steps then run again."""
    with store.writing() as connection:
        for statement in (WITHOUT_QUEUE + WITHOUT_PEOPLE).split(";"):
            connection.execute(text(statement))
        if version >= 9:
            return _forget(connection, version)
        for table, column in LATER_COLUMNS:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        _forget(connection, version)


def _forget(connection: Connection, version: int) -> None:
    newer = text("DELETE FROM schema_version WHERE version > :version")
    connection.execute(newer, {"version": version})


def test_what_was_kept_before_there_were_people_is_the_operators(
    url: str, open_url, config, dataset
):
    old = open_url(url)
    run = old.add_run(config, "flowers")
    old.add_dataset(replace(dataset, fingerprint="of a later release"), [], [])
    old.save_preset("mine", "", config)
    make_older(old, 9)
    store = open_url(url)
    assert [run.owner for run in store.list_runs()] == [""]
    assert store.get_run(run.id) == run
    [kept] = store.list_datasets()
    assert (kept.owner, kept.fingerprint, kept.shared_at) == ("", dataset.id, None)
    assert [preset.name for preset in store.list_presets()] == ["mine"]
    assert store.list_people() == []


def test_the_migrations_make_the_tables_that_the_queries_expect(engine: Engine):
    with engine.begin() as connection:
        made = describe(connection)
        for table in reversed(metadata.sorted_tables):
            table.drop(connection)
        metadata.create_all(connection)
        assert made == describe(connection)


def test_an_opened_store_is_at_the_newest_version(engine: Engine):
    with engine.connect() as connection:
        versions = (
            connection.execute(text("SELECT version FROM schema_version ORDER BY version"))
            .scalars()
            .all()
        )
    assert versions == list(range(1, len(migrations.MIGRATIONS) + 1))


def test_an_older_store_is_brought_up_to_date(
    url: str, store: SqlStore, config, open_url, monkeypatch
):
    run = store.add_run(config, "flowers")

    def add_a_column(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE runs ADD COLUMN extra TEXT NOT NULL DEFAULT 'none'"))

    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, add_a_column])
    for _ in range(2):
        newer = open_url(url)
        with newer.reading() as connection:
            assert connection.execute(text("SELECT extra FROM runs")).scalars().all() == ["none"]
    assert newer.get_run(run.id) == run


OLD_CONFIGS = [
    {
        "data": {
            "dataset_id": "d" * 16, "val_fraction": 0.2, "test_fraction": 0.2, "split_seed": 3,
        },
        "model": {
            "backbone": "resnet18", "pretrained": True, "frozen_stages": 2, "hidden_units": 64,
            "dropout": 0.5,
        },
        "train": {
            "epochs": 7, "batch_size": 16, "optimizer": "sgd", "learning_rate": 0.1,
            "backbone_learning_rate": None, "weight_decay": 0.0, "augment": False, "seed": 1,
        },
    },
    {
        "data": {"dataset_id": "e" * 16}, "model": {"hidden_units": 0},
        "train": {"optimizer": "adamw", "augment": True},
    },
]  # fmt: skip


def test_runs_of_the_first_release_are_read_with_todays_settings(url: str, open_url, monkeypatch):
    with monkeypatch.context() as first_release:
        first_release.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        with open_url(url).writing() as connection:
            for number, old in enumerate(OLD_CONFIGS):
                insert = text(
                    "INSERT INTO runs (id, state, cancel_requested, config, dataset_id, "
                    "dataset_name, created_at, message, epochs_done, facts) VALUES "
                    "(:id, 'running', :cancel, :config, 'd', 'd', 1, '', 0, '{}')"
                )
                values = {"id": f"run{number}", "cancel": number == 0, "config": json.dumps(old)}
                connection.execute(insert, values)
    store = open_url(url)
    second, first = store.list_runs()
    assert first.config == make_run_config(
        "d" * 16,
        {
            "augment": "none", "val_fraction": 0.2, "test_fraction": 0.2, "split_seed": 3,
            "backbone": "resnet18", "frozen_stages": 2, "hidden_units": 64, "dropout": 0.5,
            "epochs": 7, "batch_size": 16,
            "optimizer": "momentum", "learning_rate": 0.1, "weight_decay": 0.0, "seed": 1,
        },
    )  # fmt: skip
    assert second.config == make_run_config("e" * 16, {"augment": "photos"})
    assert [store.asked_of(run.id) for run in (first, second)] == ["cancel", None]


OLD_FACTS = {
    "classes": ["cat", "\0\ud800😀"],
    "splits": {"train": 3, "val": 2, "test": 1},
    "split_warnings": [],
    "frozen_part": {"stages": 4, "seconds": 0.25},
    "plan": [{"first_epoch": 1, "last_epoch": 2, "frozen_stages": 1, "rates": [0, 0.5]}],
    "seconds_by_stage": {"training": 1.5},
    "cached_views": 0,
    "notes": ["One."],
}
NEW_FACTS = RunFacts(
    classes=("cat", "\0\ud800😀"),
    splits=SplitSizes(train=3, val=2, test=1),
    split_warnings=(),
    frozen_part=FrozenPace(stages=4, seconds=0.25, start_seconds=0.0),
    plan=(PlannedPhase(first_epoch=1, last_epoch=2, frozen_stages=1, rates=(0, 0.5)),),
    seconds_by_stage={"training": 1.5},
    cached_views=0,
    notes=("One.",),
)


@pytest.mark.parametrize(
    "more",
    [{}, {"a fact of a fork": [1], "total": None}, {"device": None, "train_check": {"n": 5}}],
    ids=["as written", "unknown", "misshapen"],
)
def test_facts_of_older_releases_become_the_record(url: str, open_url, config, more):
    older = open_url(url)
    run = older.add_run(config, "flowers")
    rows = sa.table("runs", sa.column("facts", Json))
    with older.writing() as connection:
        connection.execute(sa.update(rows).values(facts=OLD_FACTS | more))
    with pytest.raises(ValueError, match="RunFacts"):
        older.get_run(run.id)
    make_older(older, 3)
    facts = open_url(url).get_run(run.id).facts
    assert facts == NEW_FACTS
    assert facts.model_fields_set == NEW_FACTS.model_fields_set


LATER_FACTS = {
    "processor_seconds",
    "processor_saved",
    "others_share",
    "cached_rows",
    "first_started_at",
    "deaths",
    "went_on_after",
}
"""Facts that no run of those releases had."""


def test_every_fact_of_the_record_passes_the_migration(url: str, open_url, config):
    full = full_facts()
    known = {name: getattr(full, name) for name in full.model_fields_set - LATER_FACTS}
    everything = RunFacts(**known)
    store = open_url(url)
    run = store.add_run(config, "flowers", everything)
    make_older(store, 3)
    assert open_url(url).get_run(run.id).facts == everything


DEATH = "The process that trained it was killed, as the system does when memory runs out"
OLD_MESSAGES = [
    ("cancelled", "Cancelled before it started.", ""),
    ("cancelled", "Stopped early: the curves of its 2 finished epochs are kept.", ""),
    ("paused", "Paused: the curves of its 2 finished epochs are kept.", ""),
    ("interrupted", "Stopped early: the curves of its 2 finished epochs are kept.", ""),
    (
        "interrupted",
        "The server or command that ran it stopped while this run was in epoch 3; its 2 finished "
        "epochs are kept, and it can be resumed.",
        "",
    ),
    (
        "interrupted",
        f"{DEATH}, while this run was in epoch 3; its 2 finished epochs are kept. Should it "
        "happen again, a smaller batch size takes less memory.",
        f"{DEATH}.",
    ),
    (
        "interrupted",
        "The process that trained it crashed (Segmentation fault) before this run had finished an "
        "epoch; nothing of it is kept.",
        "The process that trained it crashed (Segmentation fault).",
    ),
    ("failed", "The disk is full: while this run was in epoch 3; free some space.", None),
    ("completed", "", ""),
]
"""State, message as schema 4 held it, and the message that stays; None for the same."""


def test_old_messages_are_shortened_to_how_the_process_died(url: str, open_url, config):
    old = open_url(url)
    runs = [old.add_run(config, "flowers") for _ in OLD_MESSAGES]
    for run, (state, message, _) in zip(runs, OLD_MESSAGES, strict=True):
        old.claim_run(run.id)
        old.update_run(run.id, epochs_done=2, best_epoch=1)
        old.finish_run(run.id, RunState(state), message)
    make_older(old, 4)
    store = open_url(url)
    for run, (_, message, left) in zip(runs, OLD_MESSAGES, strict=True):
        found = store.get_run(run.id)
        assert found.message == (message if left is None else left)
        assert ending_words(found, resumable=True).count("finished epoch") <= 1


def test_a_failed_migration_leaves_the_store_as_it_was(
    url: str, store: SqlStore, config, open_url, monkeypatch
):
    run = store.add_run(config, "flowers")

    def fail_half_way(connection: Connection) -> None:
        connection.execute(text("DROP TABLE metrics"))
        raise RuntimeError("half way")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, fail_half_way])
        with pytest.raises(RuntimeError, match="half way"):
            open_url(url)
    reopened = open_url(url)
    assert reopened.get_run(run.id) == run
    assert reopened.list_metrics(run.id) == []


def test_a_store_from_a_newer_release_is_refused_with_a_sentence(url: str, engine: Engine):
    newest = len(migrations.MIGRATIONS)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO schema_version (version) VALUES (99)"))
    words = rf"newer TransferLab .* version 99, this release knows {newest}\).*: update TransferLab"
    with pytest.raises(StoreTooNew, match=words):
        SqlStore(url)


def test_backbone_and_comparison_of_older_runs_are_repeated_for_lists(url: str, open_url):
    older = open_url(url)
    with_both = older.add_run(
        make_run_config("d" * 16, {"backbone": "resnet18"}), "x", RunFacts(comparison="c1")
    )
    with_neither = older.add_run(make_run_config("d" * 16, {}), "x")
    make_older(older, 3)
    store = open_url(url)
    short = {run.id: run.backbone for run in store.summarise_runs()}
    assert short == {with_both.id: "resnet18", with_neither.id: with_neither.config.model.backbone}
    assert store.list_runs(RunQuery(comparison="c1")) == [with_both]
