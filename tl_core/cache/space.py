"""The folder of a cache: what lies in it, and how it stays within its bounds when processes write and die at will.

Whoever makes or deletes files there holds the folder's lock for that moment. A segment being written has the suffix
`.part` and is locked by its writer; where that lock is free, the writer is dead. Finished segments are never changed,
and may be deleted under their readers, who keep what they have mapped, and lock it so that all know.
"""

import errno
import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from pathlib import Path

from tl_core.locks import hold_lock, is_locked, try_lock

SEGMENT = ".rows"
PART = ".part"
_RECIPE = "recipe.json"
_PATIENCE = 1.0
"""Seconds that opening may spend on deleting: file systems were seen to take 2 ms a file."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    used_at: float

    @property
    def may_go(self) -> bool:
        return self.path.suffix == SEGMENT


class Space:
    def __init__(self, folder: Path, max_bytes: int, keep_free: int) -> None:
        """
        Args:
            max_bytes: that all files together may have; what is beyond goes at once, or what of it goes quickly.
            keep_free: bytes of the disk that are left to others.
        """
        self._folder = folder
        self._lock = folder / "lock"
        self._max_bytes = max_bytes
        self._keep_free = keep_free
        folder.mkdir(parents=True, exist_ok=True)
        with try_lock(self._lock) as is_ours:
            if is_ours:  # else whoever has it does the same, and opening waits for nobody
                self._sweep()
                self._trim(0, self._files(), (), give_up_at=time.monotonic() + _PATIENCE)

    def bytes_kept(self) -> int:
        return _size(self._files())

    def has_room_for(self, n_bytes: int, kept: Collection[Path]) -> bool:
        """Whether it would have, with all finished segments gone but `kept`."""
        return self._can_have(n_bytes, self._files(), kept)

    @contextmanager
    def reserve(
        self, part: Path, recipe: str, n_bytes: int, kept: Collection[Path]
    ) -> Iterator[bool]:
        """For the block, `part` is a file of ours with `n_bytes`; or False is given, and there is no room for it.

        As far as needed, the least recently used segments are deleted, but never `kept`. What is still called `part`
        when the block ends is deleted.

        Raises:
            OSError: the disk refuses, or `part` is somebody else's.
        """
        with ExitStack() as ours:
            with hold_lock(self._lock):
                has_room = self._make_room(n_bytes, kept)
                if has_room:
                    if not ours.enter_context(try_lock(part)):
                        raise BlockingIOError(
                            errno.EWOULDBLOCK, "somebody else writes it", str(part)
                        )
                    ours.callback(part.unlink, missing_ok=True)
                    os.truncate(part, n_bytes)
                    (part.parent / _RECIPE).write_text(recipe, "utf-8")
            yield has_room

    def clear(self) -> None:
        """Delete all but what is being written."""
        with hold_lock(self._lock):
            for file in self._files():
                if file.may_go:
                    _delete(file.path)

    def _make_room(self, n_bytes: int, kept: Collection[Path]) -> bool:
        self._sweep()
        files = self._files()
        if not self._can_have(n_bytes, files, kept):
            return False
        return self._free_disk(n_bytes, self._trim(n_bytes, files, kept), kept)

    def _can_have(self, n_bytes: int, files: Sequence[_File], kept: Collection[Path]) -> bool:
        going = [file for file in files if file.may_go and file.path not in kept]
        if _size(files) - _size(going) + n_bytes > self._max_bytes:
            return False
        short = n_bytes - self._disk_free()
        return short <= 0 or short <= _size([file for file in going if not is_locked(file.path)])

    def _trim(
        self, n_bytes: int, files: Sequence[_File], kept: Collection[Path], give_up_at: float = inf
    ) -> list[_File]:
        """Delete until `n_bytes` more are within our bound, or nothing is left to delete; gives what stays."""
        too_much, staying = _size(files) + n_bytes - self._max_bytes, []
        for file in files:
            if (
                too_much > 0
                and file.may_go
                and file.path not in kept
                and time.monotonic() < give_up_at
            ):
                _delete(file.path)
                too_much -= file.size
            else:
                staying.append(file)
        return staying

    def _free_disk(self, n_bytes: int, files: Sequence[_File], kept: Collection[Path]) -> bool:
        """Delete until the disk has `n_bytes` for us; but for what is read now, which would free nothing yet."""
        free = self._disk_free()
        for file in files:
            if n_bytes <= free:
                return True
            if file.may_go and file.path not in kept and not is_locked(file.path):
                _delete(file.path)
                before, free = free, self._disk_free()
                if free <= before:  # in a snapshot, say, or as fast as others fill it
                    return False
        return n_bytes <= free

    def _disk_free(self) -> int:
        return max(0, shutil.disk_usage(self._folder).free - self._keep_free)

    def _sweep(self) -> None:
        """Delete what killed writers left behind. Needs the folder's lock: a living one may be about to lock its."""
        for part in self._paths(PART):
            with try_lock(part) as is_left_behind:
                if is_left_behind:
                    part.unlink(missing_ok=True)

    def _files(self) -> list[_File]:
        """The least recently used first."""
        found = []
        for path in self._paths(SEGMENT, PART):
            with suppress(FileNotFoundError):
                stat = path.stat()
                found.append(_File(path, stat.st_size, stat.st_mtime))
        return sorted(found, key=attrgetter("used_at"))

    def _paths(self, *suffixes: str) -> list[Path]:
        return [
            path
            for shelf in paths_in(self._folder)
            for path in paths_in(shelf)
            if path.suffix in suffixes
        ]


def paths_in(folder: Path) -> list[Path]:
    """Nothing where there is no folder, or none any more."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(files: Sequence[_File]) -> int:
    return sum(file.size for file in files)


def _delete(segment: Path) -> None:
    """Delete a segment, and its shelf's folder when it was the last."""
    segment.unlink(missing_ok=True)
    shelf = segment.parent
    with suppress(FileNotFoundError), os.scandir(shelf) as entries:
        if all(entry.name == _RECIPE for entry in entries):
            shutil.rmtree(shelf, ignore_errors=True)
