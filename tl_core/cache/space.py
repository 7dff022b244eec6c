"""Disk space of a cache, kept within its limits while several processes write and may be killed.

A process holds the folder's lock while it creates or deletes files. A segment being written has the
suffix `.part` and a lock file beside it that its writer holds; if that lock is free, the writer has
died. Finished segments never change. They may be deleted while in use: readers keep their mapping,
and hold a shared lock that tells others that deleting the file frees no disk space yet. Windows
refuses to delete them while they are mapped, and they stay.
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
TURN = ".turn"
"""Suffix of lock files of `Shelf.turn`."""
_WRITER = ".writer"
_RECIPE = "recipe.json"
_PATIENCE = 1.0
"""Seconds that opening may spend on deleting; some file systems take 2 ms per file."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    used_at: float

    @property
    def is_finished(self) -> bool:
        return self.path.suffix == SEGMENT


class Space:
    def __init__(self, folder: Path, max_bytes: int, keep_free: int) -> None:
        """Delete what exceeds the limit, for at most `_PATIENCE` seconds.

        Args:
            max_bytes: limit on all files together.
            keep_free: bytes of the disk that are left to other programs.
        """
        self._folder = folder
        self._lock = folder / "lock"
        self._max_bytes = max_bytes
        self._keep_free = keep_free
        folder.mkdir(parents=True, exist_ok=True)
        # If the lock is taken, its holder makes room too, and opening need not wait for it.
        with try_lock(self._lock) as is_ours:
            if is_ours:
                self._sweep()
                self._trim(0, self._files(), (), give_up_at=time.monotonic() + _PATIENCE)

    def bytes_kept(self) -> int:
        return _size(self._files())

    def has_room_for(self, n_bytes: int, protected: Collection[Path]) -> bool:
        """Check if `n_bytes` fit once all finished segments except `protected` are deleted."""
        return self._fits(n_bytes, self._files(), protected)

    @contextmanager
    def reserve(
        self, part: Path, recipe: str, n_bytes: int, protected: Collection[Path]
    ) -> Iterator[bool]:
        """Create and lock the file `part` of `n_bytes` for the block; False if it does not fit.

        The least recently used segments are deleted as needed, but never `protected`. If `part` has
        not been renamed when the block ends, it is deleted.

        Raises:
            OSError: the disk fails, or another process writes `part`.
        """
        with ExitStack() as stack:
            with hold_lock(self._lock):
                has_room = self._make_room(n_bytes, protected)
                if has_room:
                    if not stack.enter_context(try_lock(_writer_lock(part), delete=True)):
                        raise BlockingIOError(
                            errno.EWOULDBLOCK, "another process writes it", str(part)
                        )
                    # After the writer's rename there is nothing left to delete.
                    stack.callback(part.unlink, missing_ok=True)
                    part.touch()
                    # The file has its full size at once, so that other writers count it.
                    os.truncate(part, n_bytes)
                    # For people who look into the folder; the program knows a recipe by the
                    # folder's name.
                    (part.parent / _RECIPE).write_text(recipe, "utf-8")
            # The folder's lock is free again: writing the rows may take long.
            yield has_room

    def clear(self) -> None:
        """Delete all files except those being written."""
        with hold_lock(self._lock):
            for file in self._files():
                if file.is_finished:
                    _delete(file.path)

    def give_up(self, wanted: int) -> None:
        """Delete unused segments, the least recently used first, until the disk has `wanted` free.

        Raises:
            OSError: the disk cannot be asked.
        """
        with hold_lock(self._lock):
            for file in self._files():
                if shutil.disk_usage(self._folder).free >= wanted:
                    return
                # What is mapped somewhere would free nothing.
                if file.is_finished and not is_locked(file.path):
                    _delete(file.path)

    def _make_room(self, n_bytes: int, protected: Collection[Path]) -> bool:
        self._sweep()
        files = self._files()
        # Checked first, so that nothing is deleted for rows that will not fit anyway.
        if not self._fits(n_bytes, files, protected):
            return False
        return self._free_disk(n_bytes, self._trim(n_bytes, files, protected), protected)

    def _fits(self, n_bytes: int, files: Sequence[_File], protected: Collection[Path]) -> bool:
        deletable = [file for file in files if file.is_finished and file.path not in protected]
        if _size(files) - _size(deletable) + n_bytes > self._max_bytes:
            return False
        missing = n_bytes - self._disk_free()
        if missing <= 0:
            return True
        # Deleting a file that is mapped somewhere frees no disk space yet.
        return missing <= _size([file for file in deletable if not is_locked(file.path)])

    def _trim(
        self,
        n_bytes: int,
        files: Sequence[_File],
        protected: Collection[Path],
        give_up_at: float = inf,
    ) -> list[_File]:
        """Delete files until `n_bytes` more are within the limit, and return the remaining ones."""
        excess = _size(files) + n_bytes - self._max_bytes
        remaining = []
        for file in files:
            is_deletable = file.is_finished and file.path not in protected
            if excess > 0 and is_deletable and time.monotonic() < give_up_at:
                _delete(file.path)
                excess -= file.size
            else:
                remaining.append(file)
        return remaining

    def _free_disk(self, n_bytes: int, files: Sequence[_File], protected: Collection[Path]) -> bool:
        """Delete unused files until the disk has `n_bytes` for us."""
        free = self._disk_free()
        for file in files:
            if n_bytes <= free:
                return True
            if file.is_finished and file.path not in protected and not is_locked(file.path):
                _delete(file.path)
                before = free
                free = self._disk_free()
                # A snapshot of the file system may hold the space, or others fill it as fast:
                # deleting more would lose rows for nothing.
                if free <= before:
                    return False
        return n_bytes <= free

    def _disk_free(self) -> int:
        return max(0, shutil.disk_usage(self._folder).free - self._keep_free)

    def _sweep(self) -> None:
        """Delete the unfinished files of killed writers, and what is left of their turns.

        The folder's lock must be held: a writer creates its file before locking it.
        """
        for part in self._paths(PART):
            with try_lock(_writer_lock(part), delete=True) as is_abandoned:
                if is_abandoned:
                    part.unlink(missing_ok=True)
        for turn in self._paths(TURN):
            # Locked for a moment, which deletes what a killed process has left.
            with try_lock(turn, delete=True):
                pass

    def _files(self) -> list[_File]:
        """List the files, the least recently used first."""
        files = []
        for path in self._paths(SEGMENT, PART):
            # Another process may have deleted or renamed the file since it was listed.
            with suppress(FileNotFoundError):
                stat = path.stat()
                files.append(_File(path, stat.st_size, stat.st_mtime))
        return sorted(files, key=attrgetter("used_at"))

    def _paths(self, *suffixes: str) -> list[Path]:
        return [
            path
            for shelf in paths_in(self._folder)
            for path in paths_in(shelf)
            if path.suffix in suffixes
        ]


def paths_in(folder: Path) -> list[Path]:
    """List a folder; return nothing if it does not exist."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        # The lock lies among the shelves and is no folder.
        return []


def _size(files: Sequence[_File]) -> int:
    return sum(file.size for file in files)


def _writer_lock(part: Path) -> Path:
    return part.with_suffix(_WRITER)


def _delete(segment: Path) -> None:
    """Delete a segment, and its folder if no other is left there."""
    try:
        segment.unlink(missing_ok=True)
    # On Windows, somebody reads it.
    except PermissionError:
        return
    shelf = segment.parent
    with suppress(FileNotFoundError), os.scandir(shelf) as entries:
        # No writer can add a file in between, since all callers hold the folder's lock.
        if all(entry.name == _RECIPE or entry.name.endswith(TURN) for entry in entries):
            shutil.rmtree(shelf, ignore_errors=True)
