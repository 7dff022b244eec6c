"""Restoring of a backup: checked as a whole first, then put in place whole or not at all."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tl_core.errors import BackupRefused
from tl_core.files import DISK_FULL, make_private, move_into_place
from tl_core.locks import hold_lock, is_locked, try_lock
from tl_core.settings import Settings
from tl_core.store import SqlStore
from tl_core.store.identity import INSTALLATION, belong_together, pair
from tl_core.store.restoration import exchange
from tl_core.store.snapshot import copy_over, newest_version, rebuild
from tl_core.text import number_of, size
from tl_core.upkeep.backup import FILES, FORMAT, MANIFEST, TABLES, OnPart
from tl_core.upkeep.house import House, opened_house

_EXCHANGED = ("datasets", "runs", "weights")
_BLOCK = 2**20
_MOST_MANIFEST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Restored:
    n_datasets: int
    n_runs: int
    made_at: float
    """Time at which the backup was made, in seconds since the epoch."""


def restore_backup(
    settings: Settings, file: Path, *, replace: bool = False, on_part: OnPart = lambda words: None
) -> Restored:
    """Put a backup in the place of everything that is kept; the app may run, but nothing train.

    Args:
        replace: whether datasets and runs that are there may be lost.

    Raises:
        BackupRefused: the file is damaged or of a newer release, runs are training, or there is
            something that would be lost; nothing was changed.
        StoreUnavailable: the home folder or the database cannot be used.
    """
    with (
        _refusing(file),
        zipfile.ZipFile(file) as archive,
        opened_house(settings) as house,
        try_lock(house.artifacts.upkeep_lock) as is_ours,
    ):
        manifest = _read_manifest(archive, file)
        if not is_ours:
            raise BackupRefused("Another backup is being restored: try again when it is done.")
        _refuse_loss(house, replace)
        _refuse_training(house)
        with house.artifacts.staging_folder() as staging:
            _unpack(archive, manifest, staging, file, on_part)
            on_part("the tables")
            fresh = rebuild(staging / "restored.db", manifest["schema"], _lines_below(staging))
            try:
                _put_in_place(house, fresh, staging)
            finally:
                fresh.close()
    return Restored(manifest["datasets"], manifest["runs"], manifest["made_at"])


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """Turn what is wrong with a file or disk into `BackupRefused`."""
    nothing = "Nothing was changed."
    try:
        yield
    except FileNotFoundError as error:
        if error.filename != str(file):
            raise
        raise BackupRefused(f"There is no file {file}.") from error
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise BackupRefused(
            f"{file} is no whole backup ({error}): it is damaged, or something else. {nothing}"
        ) from error
    except OSError as error:
        full = "The disk of the home folder is full: make room first"
        reason = full if error.errno in DISK_FULL else f"{file} cannot be restored: {error}"
        raise BackupRefused(f"{reason}. {nothing}") from error


def _read_manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError as error:
        raise BackupRefused(f"{file} is a zip, but no backup of TransferLab.") from error
    if info.file_size > _MOST_MANIFEST_BYTES:
        raise BackupRefused(f"{file} is no backup: its list of files is too long.")
    manifest = json.loads(archive.read(info))
    if manifest["format"] != FORMAT or manifest["schema"] > newest_version():
        raise BackupRefused(
            f"{file} was made by a newer TransferLab (its schema has version {manifest['schema']}, "
            f"this release knows {newest_version()}): update TransferLab first."
        )
    return dict(manifest)


def _refuse_loss(house: House, replace: bool) -> None:
    datasets = len(house.store.dataset_ids())
    runs = len(house.store.run_ids())
    if (datasets or runs) and not replace:
        raise BackupRefused(
            f"{house.settings.home} holds {number_of(datasets, 'dataset')} and "
            f"{number_of(runs, 'run')}, which a restored backup would replace: make a backup of "
            "them, then give --replace."
        )


def _refuse_training(house: House) -> None:
    running = [
        run.id
        for run in house.store.list_running_runs()
        if is_locked(house.artifacts.run_lock(run.id))
    ]
    if running:
        raise BackupRefused(
            f"{number_of(len(running), 'run')} ({', '.join(sorted(running))}) are training: pause "
            "or stop them, then restore the backup."
        )


def _unpack(
    archive: zipfile.ZipFile, manifest: dict[str, Any], staging: Path, file: Path, on_part: OnPart
) -> None:
    """Write all parts below a folder, and compare each with its digest.

    Raises:
        ValueError: a part is missing, was changed, or has a name that no backup gives.
        BackupRefused: the disk has too little room.
    """
    parts = manifest["parts"]
    needed = sum(part["bytes"] for part in parts.values())
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise BackupRefused(
            f"Restoring {file} needs {size(needed)} on the disk of the home folder, which has "
            f"{size(free)}: make room first. Nothing was changed."
        )
    for name, part in parts.items():
        on_part(name)
        target = staging / _checked(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            source = archive.open(name)
        except KeyError as error:
            raise ValueError(f"{name} is missing") from error
        with source, target.open("wb") as copy:
            while block := source.read(_BLOCK):
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != part["sha256"]:
            raise ValueError(f"{name} is not what was backed up")


def _checked(name: str) -> PurePosixPath:
    """Return a part's path, after checking that it leads nowhere else."""
    path = PurePosixPath(name)
    is_ours = name.startswith((FILES, TABLES)) and "\\" not in name and ":" not in name
    if not is_ours or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} is no name that a backup gives")
    return path


def _lines_below(staging: Path) -> dict[str, Iterator[str]]:
    return {path.stem: _lines(path) for path in (staging / TABLES).glob("*.jsonl")}


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def _put_in_place(house: House, fresh: SqlStore, staging: Path) -> None:
    files = staging / FILES
    artifacts = house.artifacts
    # No run can be claimed, and no dataset or run added or deleted.
    with hold_lock(artifacts.claim_lock):
        _refuse_training(house)
        # What a strange database has here is about to be replaced.
        if not belong_together(house.store, artifacts):
            pair(house.store, artifacts)
        with (
            artifacts.unchanging(),
            exchange(house.store, artifacts, files, _EXCHANGED) as (connection, settings),
        ):
            identity = {INSTALLATION: house.store.get_setting(INSTALLATION)}
            copy_over(fresh, connection, {**settings, **identity})
    _add_missing(files, house.settings.home)


def _add_missing(files: Path, home: Path) -> None:
    """Take over keys, certificates and measurements, but never in the place of those in use."""
    for path in sorted(files.rglob("*")):
        place = path.relative_to(files)
        if path.is_file() and place.parts[0] not in _EXCHANGED and not (home / place).exists():
            move_into_place(path, home / place)
            make_private(home / place)
