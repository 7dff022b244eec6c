"""The folder of a cache: what lies in it, and how it stays within its bounds when processes write and die at will.

Whoever makes or deletes files there holds the folder's lock for that moment. A segment being written has the suffix
`.part` and is locked by its writer; where that lock is free, the writer is dead. Finished segments are never changed,
and may be deleted under their readers, who keep what they have mapped.
"""

import errno
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tl_core.locks import hold_lock, try_lock

SEGMENT = ".rows"
PART = ".part"
_RECIPE = "recipe.json"


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
            max_bytes: that all files together may have.
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

    def bytes_kept(self) -> int:
        return sum(file.size for file in self._files())

    def has_room_for(self, n_bytes: int, kept: Collection[Path]) -> bool:
        """Whether it would have, with all finished segments gone but `kept`."""
        files = self._files()
        return self._fits(n_bytes, files, [file for file in files if file.may_go and file.path not in kept])

    @contextmanager
    def reserve(self, part: Path, recipe: str, n_bytes: int, kept: Collection[Path]) -> Iterator[bool]:
        """For the block, `part` is a file of ours with `n_bytes`; or False is given, and there is no room for it.

        As far as needed, the least recently used segments of other shelves are deleted first, then those of the same
        one, but never `kept`. What is still called `part` when the block ends is deleted.

        Raises:
            OSError: the disk refuses, or `part` is somebody else's.
        """
        with ExitStack() as ours:
            with hold_lock(self._lock):
                has_room = self._make_room(n_bytes, part.parent, kept)
                if has_room:
                    if not ours.enter_context(try_lock(part)):
                        raise BlockingIOError(errno.EWOULDBLOCK, "somebody else writes it", str(part))
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

    def _make_room(self, n_bytes: int, shelf: Path, kept: Collection[Path]) -> bool:
        self._sweep()
        files = self._files()
        candidates = [file for file in files if file.may_go and file.path not in kept]
        if not self._fits(n_bytes, files, candidates):
            return False
        candidates.sort(key=lambda file: (file.path.parent == shelf, file.used_at))
        for file in candidates:
            if self._fits(n_bytes, files):
                break
            _delete(file.path)
            files.remove(file)
        return self._fits(n_bytes, files)

    def _fits(self, n_bytes: int, files: Sequence[_File], gone: Sequence[_File] = ()) -> bool:
        freed = sum(file.size for file in gone)
        free = shutil.disk_usage(self._folder).free - self._keep_free
        return sum(file.size for file in files) - freed + n_bytes <= self._max_bytes and n_bytes <= free + freed

    def _sweep(self) -> None:
        """Delete what killed writers left behind. Needs the folder's lock: a living one may be about to lock its."""
        for part in self._paths(PART):
            with try_lock(part) as is_left_behind:
                if is_left_behind:
                    part.unlink(missing_ok=True)

    def _files(self) -> list[_File]:
        found = []
        for path in self._paths(SEGMENT, PART):
            with suppress(FileNotFoundError):
                stat = path.stat()
                found.append(_File(path, stat.st_size, stat.st_mtime))
        return found

    def _paths(self, *suffixes: str) -> list[Path]:
        return [path for shelf in paths_in(self._folder) for path in paths_in(shelf) if path.suffix in suffixes]


def paths_in(folder: Path) -> list[Path]:
    """Nothing where there is no folder, or none any more."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _delete(segment: Path) -> None:
    """Delete a segment, and its shelf's folder when it was the last."""
    segment.unlink(missing_ok=True)
    shelf = segment.parent
    if {path.name for path in paths_in(shelf)} <= {_RECIPE}:
        shutil.rmtree(shelf, ignore_errors=True)
