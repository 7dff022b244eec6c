"""Shelf: the cached rows of one recipe, to read from and to add to."""

import os
import threading
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from tl_core.cache.rows import CacheMiss, Rows
from tl_core.cache.segment import Array, Damaged, Segment, pack, verify
from tl_core.cache.space import PART, SEGMENT, TURN, Space, paths_in
from tl_core.locks import try_lock

_TOUCH_EVERY = 60
"""Seconds between two updates of a segment's time of last use."""


class Shelf:
    """Rows of one recipe. Files read or written through it are not deleted by its later writes."""

    def __init__(
        self,
        folder: Path,
        recipe: str,
        space: Space,
        *,
        verified: set[Path],
        used: set[Path],
        spared: Set[Path],
    ) -> None:
        """Share the given sets with other shelves.

        Args:
            verified: segments whose checksums have been verified; new ones are added.
            used: segments that are in use; those found or written here are added.
            spared: segments that others use.
        """
        self._folder = folder
        self._recipe = recipe
        self._space = space
        self._verified = verified
        self._segments: dict[Path, Segment] = {}
        self._where: dict[str, tuple[Path, int]] = {}
        self._used = used
        self._spared = spared
        self._lock = threading.Lock()

    def find(self, keys: Sequence[str], *, verified: bool = True) -> list[bool]:
        """Tell for each key if its row is cached and undamaged. Damaged files are deleted.

        Args:
            verified: False to read only the files' headers, which is quick but may name a row that
                turns out to be damaged; the files then do not count as used.
        """
        with self._lock:
            if verified:
                self._look(keys)
            else:
                self._read_headers()
            return [key in self._where for key in keys]

    def rows(self, keys: Sequence[str]) -> Rows:
        """Return the rows, which stay readable from then on.

        Raises:
            CacheMiss: a row is not in the cache.
        """
        with self._lock:
            self._look(keys)
            try:
                where = [self._where[key] for key in keys]
                # Each file is mapped once; a dictionary keeps the order, unlike a set.
                paths = list(dict.fromkeys(path for path, _ in where))
                mapped = [self._segments[path].map() for path in paths]
            except (KeyError, OSError) as error:
                raise CacheMiss(f"not in the cache: {error}") from error
        numbers = {path: number for number, path in enumerate(paths)}
        return Rows(mapped, [numbers[path] for path, _ in where], [place for _, place in where])

    def has_room_for(self, n_bytes: int) -> bool:
        """Check if `n_bytes` more can be written."""
        try:
            return self._space.has_room_for(n_bytes, self._protected)
        except OSError:
            # A disk that cannot be asked counts as full: rows are then computed again.
            return False

    def write(self, keys: Sequence[str], rows: Array | Sequence[Array]) -> bool:
        """Write `rows` to one file; return False if there is no room or the disk fails.

        Write some tens of megabytes at once, since every file adds a little to each lookup.

        Args:
            rows: all uint8, all float16 or all float32. Their shapes may differ.
        """
        pieces = pack(keys, rows)
        # Random names: processes write to one folder without agreeing on numbers.
        path = self._folder / f"{uuid4().hex}{SEGMENT}"
        part = path.with_suffix(PART)
        try:
            n_bytes = sum(map(len, pieces))
            reservation = self._space.reserve(part, self._recipe, n_bytes, self._protected)
            with reservation as has_room:
                if not has_room:
                    return False
                # "wb" would truncate the file and with it the reservation.
                with part.open("r+b") as file:
                    file.writelines(pieces)
                # No fsync: a file that a power failure damages fails its checksum.
                part.replace(path)
        except OSError:
            return False
        with self._lock:
            # It was just written from memory, so reading it back to verify it can be spared.
            self._verified.add(path)
            self._used.add(path)
        return True

    @contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Hold the turn of this name for the block; False at once when someone else holds it."""
        with ExitStack() as held:
            try:
                is_ours = held.enter_context(try_lock(self._folder / f"{name}{TURN}", delete=True))
            # Where there are no locks, everyone may go ahead.
            except OSError:
                is_ours = True
            yield is_ours

    @property
    def _protected(self) -> frozenset[Path]:
        # Unpacking copies each set at once: other threads may add to them meanwhile.
        return frozenset((*self._used, *self._spared))

    def _look(self, keys: Sequence[str]) -> None:
        """List the files on disk; verify those that hold `keys` and mark them as used."""
        self._read_headers()
        while unsure := self._needed(keys) - self._verified:
            damaged = verify(self._segments[path] for path in unsure)
            self._verified |= unsure - damaged
            for path in damaged:
                path.unlink(missing_ok=True)
            # Another file may hold the same rows.
            self._read_headers()
        for path in self._needed(keys):
            self._used.add(path)
            _touch(path)

    def _read_headers(self) -> None:
        present = {path for path in paths_in(self._folder) if path.suffix == SEGMENT}
        # Other processes add and delete files, so the folder is listed for every look-up; headers
        # are read only of new files.
        if present == self._segments.keys():
            return
        # Sorted, so that of several files with the same row the same one is taken each time.
        segments = {path: self._segments.get(path) or _read(path) for path in sorted(present)}
        self._segments = {path: segment for path, segment in segments.items() if segment}
        self._where = {
            key: (path, place)
            for path, segment in self._segments.items()
            for place, key in enumerate(segment.keys)
        }

    def _needed(self, keys: Sequence[str]) -> set[Path]:
        return {self._where[key][0] for key in keys if key in self._where}


def _read(path: Path) -> Segment | None:
    """Read a segment's header; return None for a missing or damaged file, and delete the latter."""
    try:
        return Segment(path)
    except Damaged:
        path.unlink(missing_ok=True)
    except OSError:
        pass
    return None


def _touch(path: Path) -> None:
    # The modification time stands for the last use: many file systems record no access times.
    with suppress(OSError):
        if path.stat().st_mtime < time.time() - _TOUCH_EVERY:
            os.utime(path)
