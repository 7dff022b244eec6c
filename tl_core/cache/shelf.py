"""The rows of one recipe, as one user of them sees and adds to them."""

import os
import threading
import time
from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tl_core.cache.rows import CacheMiss, Rows
from tl_core.cache.segment import Array, Damaged, Segment, pack, verify
from tl_core.cache.space import PART, SEGMENT, Space, paths_in

_TOUCH_EVERY = 60
"""Seconds between two notes that a segment is in use."""


class Shelf:
    """What is found or written through it is kept from making room for what is written through it later."""

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
        """
        Args:
            verified: the segments that need not be verified again; is added to.
            used: those that are found or written; is added to.
            spared: those that others use.
        """
        self._folder = folder
        self._recipe = recipe
        self._space = space
        self._verified = verified
        self._segments: dict[Path, Segment] = {}
        self._where: dict[str, tuple[Path, int]] = {}
        self._used, self._spared = used, spared
        self._lock = threading.Lock()

    def find(self, keys: Sequence[str]) -> list[bool]:
        """Which rows are there, whole. What is damaged is deleted."""
        with self._lock:
            self._look(keys)
            return [key in self._where for key in keys]

    def rows(self, keys: Sequence[str]) -> Rows:
        """The rows, which stay readable from then on.

        Raises:
            CacheMiss: one is not there.
        """
        with self._lock:
            self._look(keys)
            try:
                where = [self._where[key] for key in keys]
                paths = list(dict.fromkeys(path for path, _ in where))
                mapped = [self._segments[path].map() for path in paths]
            except (KeyError, OSError) as error:
                raise CacheMiss(f"not in the cache: {error}") from error
        numbers = {path: number for number, path in enumerate(paths)}
        return Rows(mapped, [numbers[path] for path, _ in where], [place for _, place in where])

    def has_room_for(self, n_bytes: int) -> bool:
        """Whether `n_bytes` more can be written."""
        try:
            return self._space.has_room_for(n_bytes, self._kept)
        except OSError:
            return False

    def write(self, keys: Sequence[str], rows: Array | Sequence[Array]) -> bool:
        """Keep `rows` as one file; false, and nothing is kept, where there is no room or the disk refuses.

        Write some tens of megabytes at once: every file costs a little whenever its rows are found and read.

        Args:
            rows: of one dtype of uint8, float16 and float32. Their shapes may differ.
        """
        pieces = pack(keys, rows)
        path = self._folder / f"{uuid4().hex}{SEGMENT}"
        part = path.with_suffix(PART)
        try:
            with self._space.reserve(
                part, self._recipe, sum(map(len, pieces)), self._kept
            ) as has_room:
                if not has_room:
                    return False
                with part.open("r+b") as file:
                    file.writelines(pieces)
                # Not synchronised: what a power failure takes of it fails its checksum.
                part.rename(path)
        except OSError:
            return False
        with self._lock:
            self._verified.add(path)
            self._used.add(path)
        return True

    @property
    def _kept(self) -> frozenset[Path]:
        return frozenset(
            (*self._used, *self._spared)
        )  # each copied at once, since other threads add to them

    def _look(self, keys: Sequence[str]) -> None:
        """Learn what is on disk now. What `keys` need of it is verified and noted as used."""
        self._read_headers()
        while unsure := self._needed(keys) - self._verified:
            damaged = verify(self._segments[path] for path in unsure)
            self._verified |= unsure - damaged
            for path in damaged:
                path.unlink(missing_ok=True)
            # Rows that were lost may lie in another file too.
            self._read_headers()
        for path in self._needed(keys):
            self._used.add(path)
            _touch(path)

    def _read_headers(self) -> None:
        there = {path for path in paths_in(self._folder) if path.suffix == SEGMENT}
        if there == self._segments.keys():
            return
        segments = {path: self._segments.get(path) or _read(path) for path in sorted(there)}
        self._segments = {path: segment for path, segment in segments.items() if segment}
        self._where = {
            key: (path, place)
            for path, segment in self._segments.items()
            for place, key in enumerate(segment.keys)
        }

    def _needed(self, keys: Sequence[str]) -> set[Path]:
        return {self._where[key][0] for key in keys if key in self._where}


def _read(path: Path) -> Segment | None:
    """None where the file is damaged, and is deleted, or is gone."""
    try:
        return Segment(path)
    except Damaged:
        path.unlink(missing_ok=True)
    except OSError:
        pass
    return None


def _touch(path: Path) -> None:
    with suppress(OSError):
        if path.stat().st_mtime < time.time() - _TOUCH_EVERY:
            os.utime(path)
