"""Leftovers: files of killed processes and of deletions that were cut short.

Each is removed under the lock that its owner would hold, after another look at the database.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import StoreUnavailable
from tl_core.files import abandoned_in, delete, delete_abandoned
from tl_core.locks import is_locked, try_lock
from tl_core.store.artifacts import Artifacts
from tl_core.store.identity import belong_together
from tl_core.store.restoration import settle
from tl_core.store.sql import SqlStore

_RUN_FILE = re.compile(r"([bcdfghjkmnpqrstvwxz][bcdfghjkmnpqrstvwxz2-9]{7})\..+")
"""Name in the folder of locks that begins with the id of a run."""


@dataclass(frozen=True, slots=True)
class Leftover:
    path: Path
    sentence: str
    """Sentence on what it is and where it comes from."""
    remove: Callable[[], None]


def sweep(store: SqlStore, artifacts: Artifacts) -> None:
    """Remove all leftovers. Cheap enough for the start of every command.

    Whatever the disk or the database refuses is left for the next start.
    """
    try:
        # A restoration puts files in place before their records are there.
        with try_lock(artifacts.upkeep_lock) as is_ours:
            if is_ours:
                settle(store, artifacts)
                for leftover in find_leftovers(store, artifacts):
                    leftover.remove()
    except (OSError, StoreUnavailable):
        return


def find_leftovers(store: SqlStore, artifacts: Artifacts) -> Iterator[Leftover]:
    """Yield the leftovers of a home folder.

    Files of another database are none of them: where the two do not belong together, only
    what does not depend on records is looked for.

    Raises:
        OSError: a folder cannot be read.
        StoreUnavailable: the database cannot be read.
    """
    yield from _staging(artifacts)
    yield from _drafts(artifacts)
    if belong_together(store, artifacts):
        yield from _dataset_folders(store, artifacts)
        yield from _run_folders(store, artifacts)
        yield from _locks(store, artifacts)


def _staging(artifacts: Artifacts) -> Iterator[Leftover]:
    for folder in artifacts.staged():
        if not is_locked(folder.with_suffix(".lock")):
            yield Leftover(
                folder,
                "An import, upload or copy was killed and left this unfinished folder.",
                artifacts.sweep_staging,
            )


def _drafts(artifacts: Artifacts) -> Iterator[Leftover]:
    for folder in (artifacts.home / "runs", artifacts.home / "weights"):
        for draft in abandoned_in(folder):
            yield _draft(draft)
    # Below the other folders no drafts are made, and datasets have very many files.
    for draft in artifacts.home.glob(".*.unfinished"):
        if draft.is_file() and not is_locked(draft):
            yield _draft(draft)


def _draft(path: Path) -> Leftover:
    words = "A process was killed while it wrote this file; what it was to replace is unharmed."
    return Leftover(path, words, lambda: delete_abandoned(path))


def _dataset_folders(store: SqlStore, artifacts: Artifacts) -> Iterator[Leftover]:
    # Folders first: a record that is added meanwhile belongs to none of those listed.
    stored = artifacts.stored_datasets()
    known = store.dataset_ids()

    def remove(dataset_id: str) -> Callable[[], None]:
        def act() -> None:
            # An import holds it until the record is there.
            with try_lock(artifacts.dataset_lock(dataset_id)) as is_ours:
                if is_ours and dataset_id not in store.dataset_ids():
                    artifacts.delete_dataset(dataset_id)

        return act

    for dataset_id in sorted(stored - known):
        if not is_locked(artifacts.dataset_lock(dataset_id)):
            yield Leftover(
                artifacts.dataset_folder(dataset_id),
                "No record belongs to this dataset's folder: its import was killed at the end, or "
                "its deletion was cut short.",
                remove(dataset_id),
            )


def _run_folders(store: SqlStore, artifacts: Artifacts) -> Iterator[Leftover]:
    stored = artifacts.stored_runs()
    known = store.run_ids()
    for run_id in sorted(stored - known):
        if not is_locked(artifacts.run_lock(run_id)):
            yield Leftover(
                artifacts.run_folder(run_id),
                "No record belongs to this run's folder: its deletion was cut short.",
                _removal_of_run(store, artifacts, run_id),
            )


def _locks(store: SqlStore, artifacts: Artifacts) -> Iterator[Leftover]:
    listed = [(path, _RUN_FILE.fullmatch(path.name)) for path in artifacts.lock_files()]
    known = store.run_ids()
    for path, found in listed:
        if found and found[1] not in known and not is_locked(path):
            yield Leftover(
                path,
                "This file belonged to a run that has been deleted.",
                _removal_of_file(store, path, found[1]),
            )


def _removal_of_run(store: SqlStore, artifacts: Artifacts, run_id: str) -> Callable[[], None]:
    def act() -> None:
        with try_lock(artifacts.run_lock(run_id)) as is_ours:
            is_gone = is_ours and run_id not in store.run_ids()
        if is_gone:
            artifacts.delete_run(run_id)

    return act


def _removal_of_file(store: SqlStore, path: Path, run_id: str) -> Callable[[], None]:
    def act() -> None:
        # Ids are drawn at random, so that one that is gone does not come back.
        if run_id not in store.run_ids():
            delete(path)

    return act
