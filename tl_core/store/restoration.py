"""Exchange of a home folder's files together with its records, whole or not at all.

A journal says what is being exchanged. The records are exchanged by one transaction, which leaves
the journal's id in the database: whoever finds the journal of a killed process looks there, and
either finishes the exchange or takes it back.
"""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tl_core.files import delete, move_into_place, write_whole
from tl_core.store.artifacts import Artifacts
from tl_core.store.sql import SqlStore

RESTORED = "restored"
"""House setting with the id of the last exchange."""


@dataclass(frozen=True, slots=True)
class _Journal:
    id: str
    folders: tuple[str, ...]
    """Names of the folders that are exchanged."""


@contextmanager
def exchange(
    store: SqlStore, artifacts: Artifacts, fresh: Path, folders: tuple[str, ...]
) -> Iterator[tuple[Connection, dict[str, Any]]]:
    """Put folders in place, then yield the transaction in which the block replaces the records.

    The caller holds the lock of upkeep. After an error everything is as before.

    Args:
        fresh: holds the new folders; a missing one becomes an empty folder.
        folders: names of folders below the home folder.

    Yields:
        The transaction, and house settings that the block must leave in the database.
    """
    journal = _Journal(uuid.uuid4().hex, folders)
    write_whole(_path(artifacts), json.dumps(asdict(journal)))
    try:
        with store.writing() as connection:
            for name in folders:
                _put_in_place(artifacts, journal, fresh / name, name)
            yield connection, {RESTORED: journal.id}
    except BaseException:
        settle(store, artifacts)
        raise
    _finish(artifacts, journal)


def settle(store: SqlStore, artifacts: Artifacts) -> None:
    """Finish or take back an exchange whose process was killed; the lock of upkeep is held.

    Raises:
        OSError: the disk refuses; the journal stays.
        StoreUnavailable: the database cannot be read.
    """
    journal = _read(artifacts)
    if journal is None:
        return
    if store.get_setting(RESTORED) == journal.id:
        _finish(artifacts, journal)
    else:
        _take_back(artifacts, journal)


def _put_in_place(artifacts: Artifacts, journal: _Journal, fresh: Path, name: str) -> None:
    place = artifacts.home / name
    # Even without old files: what is found in the aside tells that the exchange had begun.
    place.mkdir(exist_ok=True)
    fresh.mkdir(parents=True, exist_ok=True)
    move_into_place(place, _aside(artifacts, journal) / name)
    move_into_place(fresh, place)


def _finish(artifacts: Artifacts, journal: _Journal) -> None:
    shutil.rmtree(_aside(artifacts, journal), ignore_errors=True)
    delete(_path(artifacts))


def _take_back(artifacts: Artifacts, journal: _Journal) -> None:
    for name in journal.folders:
        place = artifacts.home / name
        old = _aside(artifacts, journal) / name
        if not old.exists():
            continue
        if place.exists():
            # A server that went on may have added to it.
            for entry in place.iterdir():
                if not (old / entry.name).exists():
                    entry.rename(old / entry.name)
            shutil.rmtree(place, ignore_errors=True)
        move_into_place(old, place)
    shutil.rmtree(_aside(artifacts, journal), ignore_errors=True)
    delete(_path(artifacts))


def _path(artifacts: Artifacts) -> Path:
    return artifacts.home / "restoring.json"


def _aside(artifacts: Artifacts, journal: _Journal) -> Path:
    return artifacts.home / f"before-{journal.id}"


def _read(artifacts: Artifacts) -> _Journal | None:
    try:
        found = json.loads(_path(artifacts).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return _Journal(found["id"], tuple(found["folders"]))
