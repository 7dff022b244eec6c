"""Backup of an installation in one zip file, made while it is in use.

The zip holds `files/` (what lies in the home folder but can be computed or is for the moment),
`database/<table>.jsonl` (all rows as of one moment) and `manifest.json` with every part's SHA-256.
"""

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tl_core.errors import OutputRefused
from tl_core.files import DISK_FULL, link_or_copy, make_private, replacing
from tl_core.settings import Settings
from tl_core.store import folder_of_store
from tl_core.store.snapshot import Snapshot, newest_version, snapshot
from tl_core.upkeep.house import House, opened_house

FORMAT = 1
MANIFEST = "manifest.json"
FILES = "files/"
TABLES = "database/"
_LEFT_OUT = frozenset(
    {"cache", "staging", "locks", "installation.id", "restoring.json", "room-for-deleting"}
)
"""Names in the home folder of what can be computed again, or is for the moment."""
_BLOCK = 2**20

OnPart = Callable[[str], None]
"""Function that is told what is written or read next."""


@dataclass(frozen=True, slots=True)
class Backup:
    file: Path
    n_datasets: int
    n_runs: int
    n_bytes: int
    """Size of the file."""


def make_backup(settings: Settings, file: Path, on_part: OnPart = lambda words: None) -> Backup:
    """Write a backup; the app may be in use meanwhile.

    Raises:
        OutputRefused: the file is there already, lies in the home folder, or cannot be written.
        StoreUnavailable: the home folder or the database cannot be used.
    """
    file = file.expanduser().resolve()
    _check_place(settings, file)
    with opened_house(settings) as house:
        try:
            with replacing(file) as target, house.artifacts.staging_folder() as staging:
                # It holds everything that is private in the home folder.
                make_private(Path(target.name))
                manifest = _write(house, staging, target, on_part)
        except OSError as error:
            reason = "its disk is full" if error.errno in DISK_FULL else error.strerror or error
            raise OutputRefused(f"{file} cannot be written: {reason}.") from error
    return Backup(file, manifest["datasets"], manifest["runs"], file.stat().st_size)


def _check_place(settings: Settings, file: Path) -> None:
    if file.exists():
        raise OutputRefused(f"{file} is there already: choose another name, or delete it first.")
    if not file.parent.is_dir():
        raise OutputRefused(f"There is no folder {file.parent}: create it first.")
    if settings.home in file.parents:
        raise OutputRefused(
            f"{file} lies in the home folder and would be lost with it: choose another place, best "
            "on another disk."
        )


def _write(house: House, staging: Path, target: IO[bytes], on_part: OnPart) -> dict[str, Any]:
    """Write the zip, and return its manifest."""
    parts: dict[str, Any] = {}
    with zipfile.ZipFile(target, "w") as archive:
        with ExitStack() as stack:
            with house.artifacts.unchanging():
                records = stack.enter_context(snapshot(house.store))
                on_part("files of the home folder")
                # Links cost neither time nor room, and outlast what is replaced or deleted now.
                _link_files(house, staging, records)
            for table in records.tables:
                on_part(f"table {table}")
                lines = (f"{line}\n".encode() for line in records.lines(table))
                name = f"{TABLES}{table}.jsonl"
                parts[name] = _store(archive, name, lines, zipfile.ZIP_DEFLATED)
        for path in _files_below(staging):
            name = FILES + path.relative_to(staging).as_posix()
            on_part(name)
            # Images and weights are as small as they get.
            parts[name] = _store(archive, name, _blocks(path), zipfile.ZIP_STORED)
        manifest = {
            "format": FORMAT,
            "schema": newest_version(),
            "made_at": time.time(),
            "datasets": len(records.datasets),
            "runs": len(records.runs),
            "parts": parts,
        }
        # At the end, so that a file that was cut off has none.
        archive.writestr(MANIFEST, json.dumps(manifest), zipfile.ZIP_DEFLATED)
    return manifest


def _link_files(house: House, staging: Path, records: Snapshot) -> None:
    home = house.settings.home
    store = folder_of_store(house.settings.database_url)
    ids = {"datasets": records.datasets, "runs": records.runs}
    for top in sorted(home.iterdir()):
        # What begins with a dot is unfinished; a database is taken by its tables.
        is_database = store == home and ".db" in top.name
        if top.name in _LEFT_OUT or top.name.startswith((".", "before-")) or is_database:
            continue
        for path in _files_below(top):
            place = path.relative_to(home)
            is_known = len(place.parts) < 2 or place.parts[1] in ids.get(top.name, place.parts)
            if is_known and not place.name.startswith("."):
                # A run that trains may just have replaced it by the next one.
                with suppress(FileNotFoundError):
                    link_or_copy(path, staging / place)


def _files_below(top: Path) -> list[Path]:
    """List the files at and below a path, without links, which may lead anywhere."""
    found = [top] if top.is_file() else sorted(top.rglob("*"))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _store(
    archive: zipfile.ZipFile, name: str, content: Iterable[bytes], compression: int
) -> dict[str, Any]:
    """Write a part, and return its size and digest."""
    digest = hashlib.sha256()
    n_bytes = 0
    # With a date that is the same everywhere: a clock before 1980 has none in a zip.
    info = zipfile.ZipInfo(name)
    info.compress_type = compression
    # The size is not known yet, and may need more than 32 bits.
    with archive.open(info, "w", force_zip64=True) as part:
        for block in content:
            part.write(block)
            digest.update(block)
            n_bytes += len(block)
    return {"bytes": n_bytes, "sha256": digest.hexdigest()}
