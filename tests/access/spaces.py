"""A student's space full of secrets, and attempts to reach into it through a store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from tl_core.config import make_run_config
from tl_core.datasets.importing import owned
from tl_core.facts import RunFacts
from tl_core.records import (
    BEST_VAL,
    Binned,
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Person,
    Prediction,
    Progress,
    Role,
    RunState,
    Session,
    SkippedFile,
    TestResult,
)
from tl_core.store import RunQuery, Store
from tl_core.store.database import Database
from tl_core.store.tables import metadata
from tl_core.workspace import Workspace

SECRET = "hush"
"""Part of every text in the space."""
RESULT = TestResult(2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
ANSWERS = [Prediction(0, 0, (0.9, 0.1)), Prediction(1, 1, (0.2, 0.8))]
POINT = MetricPoint(0, 1, 1, "train", "loss", 0.25, 3)


@dataclass(frozen=True)
class Space:
    """Ids of what is in a space."""

    person: str
    dataset: str
    binned_dataset: str
    done: str
    queued: str
    running: str
    paused: str
    binned_run: str
    dataset_name: str = f"{SECRET} pets"
    preset: str = f"{SECRET} preset"
    token: str = f"{SECRET} token"

    @property
    def runs(self) -> tuple[str, ...]:
        return self.done, self.queued, self.running, self.paused, self.binned_run

    @property
    def datasets(self) -> tuple[str, ...]:
        return self.dataset, self.binned_dataset


NONSENSE = Space(
    *("0" * 16, "1" * 16, "2" * 16),
    *(f"zz{n}zzzzz" for n in range(5)),
    *("no such pets", "no such preset", "no such token"),
)
"""Ids of nothing."""


def a_dataset(number: int, name: str) -> tuple[DatasetRecord, list[ImageRecord]]:
    record = DatasetRecord(
        id=f"{number:016x}",
        name=name,
        classes=(f"{name} cat", "dog"),
        counts=(1, 1),
        n_skipped=1,
        source="zip",
        created_at=1.0,
        warnings=(f"{name} warning",),
        fingerprint=f"{number:016x}",
    )
    images = [
        ImageRecord(n, f"{n:064x}", f"{name}/{n}.jpg", label, None, "jpg", 64, 64)
        for n, label in enumerate(record.classes)
    ]
    return record, images


def add_dataset(store: Store, number: int, name: str) -> str:
    record, images = a_dataset(number, name)
    skipped = [SkippedFile(f"{name}/skipped.gif", "Not an image.")]
    return store.add_dataset(owned(record, store.owner), images, skipped).id


def finish(house: Store, run_id: str) -> None:
    """Have the server carry out a run."""
    house.claim_run(run_id)
    house.append_metrics(run_id, [POINT, MetricPoint(-5, 0, 1, "preview", "accuracy", 0.5, 3)])
    for split in ("val", BEST_VAL, "test"):
        house.put_predictions(run_id, split, 1, ANSWERS)
    house.update_run(run_id, epochs_done=1, best_epoch=1, val_accuracy=0.5, result=RESULT)
    house.finish_run(run_id, RunState.COMPLETED)


def fill_space(house: Store, store: Store) -> Space:
    """Fill the space of the person to whom `store` is bound."""
    secret = f"{SECRET} pets"
    dataset = add_dataset(store, 7, secret)
    binned_dataset = add_dataset(store, 8, f"{SECRET} deleted")
    config = make_run_config(dataset, {})
    facts = RunFacts(comparison=f"{SECRET} comparison", classes=(f"{SECRET} cat", "dog"))
    runs = [store.add_run(config, secret, facts).id for _ in range(5)]
    done, queued, running, paused, binned_run = runs
    for run in runs:
        store.annotate_run(run, title=SECRET, note=f"{SECRET} note", tags=[SECRET])
    finish(house, done)
    house.claim_run(running)
    store.request_pause(paused)
    store.bin_run(binned_run)
    store.bin_dataset(binned_dataset)
    store.save_preset(f"{SECRET} preset", SECRET, config)
    now = time.time()
    house.add_session(Session(f"{SECRET} token", store.owner, now, now + 1_000))
    return Space(store.owner, dataset, binned_dataset, done, queued, running, paused, binned_run)


Attack = Callable[[Store, Space], Any]


def _on_runs(attack: Callable[[Store, str], Any]) -> list[Attack]:
    """Make the attack on every run of the space, and on the start of an id."""
    names = ("done", "queued", "running", "paused", "binned_run")
    return [lambda store, it, name=name: attack(store, getattr(it, name)) for name in names]


def _on_datasets(attack: Callable[[Store, str], Any]) -> list[Attack]:
    names = ("dataset", "binned_dataset")
    return [lambda store, it, name=name: attack(store, getattr(it, name)) for name in names]


def _foreign(store: Store, it: Space) -> Any:
    """Add a dataset under an id that is taken."""
    record, images = a_dataset(9, "mine")
    return store.add_dataset(
        DatasetRecord(it.dataset, *_fields(record)[1:], owner=store.owner), images, []
    )


def _fields(record: DatasetRecord) -> tuple[Any, ...]:
    return (
        *(record.id, record.name, record.classes, record.counts, record.n_skipped),
        *(record.source, record.created_at),
    )


ATTACKS: dict[str, Sequence[Attack]] = {
    "owner": [],
    "close": [],
    "add_dataset": [
        _foreign,
        lambda store, it: store.add_dataset(
            owned(a_dataset(9, "mine")[0], it.person), a_dataset(9, "mine")[1], []
        ),
    ],
    "get_dataset": [
        *_on_datasets(lambda store, each: store.get_dataset(each)),
        *_on_datasets(lambda store, each: store.get_dataset(each[:6])),
        lambda store, it: store.get_dataset(it.dataset_name),
    ],
    "list_datasets": [lambda store, it: store.list_datasets()],
    "list_images": _on_datasets(lambda store, each: store.list_images(each)),
    "list_skipped": _on_datasets(lambda store, each: store.list_skipped(each)),
    "delete_dataset": _on_datasets(lambda store, each: store.delete_dataset(each)),
    "bin_dataset": _on_datasets(lambda store, each: store.bin_dataset(each)),
    "restore_dataset": _on_datasets(lambda store, each: store.restore_dataset(each)),
    "share_dataset": [
        *_on_datasets(lambda store, each: store.share_dataset(each)),
        *_on_datasets(lambda store, each: store.share_dataset(each, False)),
    ],
    "add_run": [
        *_on_datasets(lambda store, each: store.add_run(make_run_config(each, {}), "x")),
        lambda store, it: store.add_run(make_run_config(it.dataset_name, {}), "x"),
        lambda store, it: store.add_run(make_run_config(it.dataset, {}), "x", owner=it.person),
    ],
    "get_run": [
        *_on_runs(lambda store, each: store.get_run(each)),
        *_on_runs(lambda store, each: store.get_run(each[:5])),
    ],
    "list_runs": [
        lambda store, it: store.list_runs(),
        lambda store, it: store.list_runs(RunQuery(owner=it.person)),
        lambda store, it: store.list_runs(RunQuery(ids=it.runs)),
        lambda store, it: store.list_runs(RunQuery(dataset_id=it.dataset)),
        lambda store, it: store.list_runs(RunQuery(comparison=f"{SECRET} comparison")),
        lambda store, it: store.list_runs(RunQuery(is_compared=True)),
    ],
    "summarise_runs": [lambda store, it: store.summarise_runs()],
    "list_running_runs": [
        lambda store, it: store.list_running_runs(),
        lambda store, it: store.list_running_runs(owner=it.person),
    ],
    "delete_run": _on_runs(lambda store, each: store.delete_run(each)),
    "bin_run": _on_runs(lambda store, each: store.bin_run(each)),
    "restore_run": _on_runs(lambda store, each: store.restore_run(each)),
    "claim_next_run": [lambda store, it: store.claim_next_run()],
    "claim_run": _on_runs(lambda store, each: store.claim_run(each)),
    "list_queue": [
        lambda store, it: store.list_queue(),
        lambda store, it: store.list_queue(it.person),
    ],
    "move_run": [
        *_on_runs(lambda store, each: store.move_run(each, "front")),
        *_on_runs(lambda store, each: store.move_run(each, "later")),
    ],
    "hold_queue": [lambda store, it: store.hold_queue(True)],
    "let_rest": [lambda store, it: store.let_rest({it.person: time.time() + 1000})],
    "usage_of": [lambda store, it: store.usage_of(it.person)],
    "is_queue_held": [lambda store, it: store.is_queue_held()],
    "request_cancel": _on_runs(lambda store, each: store.request_cancel(each)),
    "request_pause": _on_runs(lambda store, each: store.request_pause(each)),
    "asked_of": _on_runs(lambda store, each: store.asked_of(each)),
    "is_cancel_requested": _on_runs(lambda store, each: store.is_cancel_requested(each)),
    "queue_again": _on_runs(lambda store, each: store.queue_again(each)),
    "put_back": _on_runs(lambda store, each: store.put_back(each)),
    "update_run": _on_runs(
        lambda store, each: store.update_run(
            each, progress=Progress("training", 0.5), facts=RunFacts(notes=("Mine.",))
        )
    ),
    "annotate_run": [
        *_on_runs(lambda store, each: store.annotate_run(each)),
        *_on_runs(lambda store, each: store.annotate_run(each, title="Mine")),
    ],
    "finish_run": _on_runs(lambda store, each: store.finish_run(each, RunState.FAILED, "Mine.")),
    "append_metrics": _on_runs(
        lambda store, each: store.append_metrics(each, [MetricPoint(9, 1, 1, "val", "loss", 0, 1)])
    ),
    "list_metrics": _on_runs(lambda store, each: store.list_metrics(each)),
    "list_preview": _on_runs(lambda store, each: store.list_preview(each)),
    "drop_metrics": _on_runs(lambda store, each: store.drop_metrics(each, 0)),
    "put_predictions": _on_runs(
        lambda store, each: store.put_predictions(each, "test", 2, ANSWERS[:1])
    ),
    "list_predictions": _on_runs(
        lambda store, each: [store.list_predictions(each, s) for s in ("test", "val", BEST_VAL)]
    ),
    "list_bin": [
        lambda store, it: store.list_bin(),
        lambda store, it: store.list_bin(owner=it.person),
    ],
    "delete_binned": [
        lambda store, it: store.delete_binned(_binned(it.binned_run, "run", store, it)),
        lambda store, it: store.delete_binned(_binned(it.binned_dataset, "dataset", store, it)),
    ],
    "save_preset": [],
    "list_presets": [lambda store, it: store.list_presets()],
    "delete_preset": [lambda store, it: store.delete_preset(it.preset)],
    "delete_presets": [lambda store, it: store.delete_presets(it.person)],
    "share_preset": [lambda store, it: store.share_preset(it.preset)],
    "publish_run": _on_runs(lambda store, each: store.publish_run(each, shows_images=True)),
    "withdraw_run": _on_runs(lambda store, each: store.withdraw_run(each)),
    "withdraw_runs": [lambda store, it: store.withdraw_runs(it.person)],
    "list_published": [lambda store, it: store.list_published()],
    "list_sample_images": _on_runs(lambda store, each: store.list_sample_images(each)),
    "add_person": [
        lambda store, it: store.add_person(Person("f" * 16, "Eve", Role.ADMIN, 0.0), word="w"),
        lambda store, it: store.add_person(Person(it.person, "Eve", Role.ADMIN, 0.0)),
    ],
    "find_person": [
        lambda store, it: store.find_person(person_id=it.person),
        lambda store, it: store.find_person(word=""),
        lambda store, it: store.find_person(subject=it.person),
    ],
    "has_shown": [lambda store, it: store.has_shown(it.person)],
    "list_people": [lambda store, it: store.list_people()],
    "change_person": [
        lambda store, it: store.change_person(it.person, name="Eve"),
        lambda store, it: store.change_person(store.owner, role=Role.ADMIN),
        lambda store, it: store.change_person(it.person, removed_at=1.0),
        lambda store, it: store.change_person(it.person, word="mine"),
    ],
    "delete_person": [lambda store, it: store.delete_person(it.person)],
    "add_session": [lambda store, it: store.add_session(Session("mine", it.person, 0.0, 1e12))],
    "person_in_session": [lambda store, it: store.person_in_session(it.token)],
    "end_session": [lambda store, it: store.end_session(it.token)],
    "end_sessions": [lambda store, it: store.end_sessions(it.person)],
    "drop_ended_sessions": [lambda store, it: store.drop_ended_sessions()],
    "get_setting": [
        lambda store, it: store.get_setting("classroom"),
        lambda store, it: store.get_setting("salt of words"),
    ],
    "put_setting": [
        lambda store, it: store.put_setting("classroom", {}),
        lambda store, it: store.put_setting("salt of words", ""),
        lambda store, it: store.put_setting("person limits", {}),
    ],
}
"""Attempts of somebody else on a space, by method of `Store`; none are needed without an argument
or answer that is about others."""


def _binned(record_id: str, kind: Any, store: Store, it: Space) -> Binned:
    return Binned(kind, record_id, "x", BINNED_AT)


BINNED_AT = 123.0
"""Time at which everything in the bin was put there."""

Rows = dict[str, list[dict[str, Any]]]


def rows_of(store: Database) -> Rows:
    """Return the rows of every table."""
    with store.reading() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def put_back(store: Database, rows: Rows) -> None:
    """Give every table the rows that it had."""
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
        for table in metadata.sorted_tables:
            if rows[table.name]:
                connection.execute(insert(table), rows[table.name])


def outcome_of(attack: Attack, store: Store, it: Space) -> str:
    """Return what the attacker gets to see, in which ids are named by what they are of."""
    try:
        seen = repr(attack(store, it))
    # Whatever is raised, what it says is seen.
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
    for name, value in sorted(vars(it).items(), key=lambda item: -len(item[1])):
        seen = seen.replace(value, f"<{name}>")
        if name in ("dataset", "binned_dataset", *_RUNS):
            seen = seen.replace(value[:6], f"<{name}>").replace(value[:5], f"<{name}>")
    return seen


_RUNS = ("done", "queued", "running", "paused", "binned_run")


def bind_bin_times(house: Workspace) -> None:
    """Give all that is in the bin one time, which attackers guess."""
    rows = rows_of(house.store)
    for table in ("runs", "datasets"):
        for row in rows[table]:
            if row["binned_at"] is not None:
                row["binned_at"] = BINNED_AT
    put_back(house.store, rows)
