"""Room on the disk of the database: kept back for deleting, and made when the disk is full.

Deleting is what cures a full disk, and a database needs some room even for that. The cache, which
only saves time, is given up first, then a file that holds nothing but room.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tl_core.cache import RowCache
from tl_core.files import delete

_RESERVE = "room-for-deleting"
_MOST_KEPT_BACK = 64 * 2**20
"""Bytes of the reserve; deleting a dataset of 100,000 images needs half of them for a moment."""
_LEAST_KEPT_BACK = 2 * 2**20
_SHARE_KEPT_BACK = 100
"""Number of reserves that a small disk would hold, at most."""
_FREE_FOR_OTHERS = 512 * 2**20
"""Bytes below which a server gives up the cache, before anybody runs out of room."""
_BLOCK = 2**20


class Room:
    """Room on one disk. Threads and processes may share it."""

    def __init__(self, folder: Path, cache: RowCache | None) -> None:
        """
        Args:
            folder: folder of the database, or the home folder for a database elsewhere.
            cache: what can be given up; None if there is nothing.
        """
        self._folder = folder
        self._reserve = folder / _RESERVE
        self._cache = cache

    @property
    def kept_back(self) -> int:
        """Bytes that are kept back at this moment."""
        try:
            return self._reserve.stat().st_size
        except OSError:
            return 0

    @property
    def free(self) -> int:
        """Free bytes of the disk; a disk that cannot be asked counts as full."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0

    @property
    def enough(self) -> int:
        """Bytes that deleting may need, and that are kept back for it."""
        try:
            share = shutil.disk_usage(self._folder).total // _SHARE_KEPT_BACK
        except OSError:
            share = 0
        return min(_MOST_KEPT_BACK, max(_LEAST_KEPT_BACK, share))

    @property
    def is_short(self) -> bool:
        """Return whether deleting might fail for want of room."""
        return self.free < self.enough

    def keep_back(self) -> None:
        """Fill the reserve, unless the disk has too little room for it."""
        wanted = self.enough
        if self.kept_back >= wanted or self.free < 2 * wanted:
            return
        # A disk that refuses has no reserve; deleting then has to do without.
        with suppress(OSError):
            _allocate(self._reserve, wanted)

    def look_after(self) -> None:
        """Give up the cache before others run out of room, then keep room back for deleting."""
        if self.free < _FREE_FOR_OTHERS:
            self._give_up_cache(_FREE_FOR_OTHERS)
        self.keep_back()

    def make(self) -> None:
        """Make room for deleting if the disk is full: of the cache, then of the reserve."""
        if self.is_short:
            self._give_up_cache(self.enough)
        if self.is_short:
            with suppress(OSError):
                delete(self._reserve)

    @contextmanager
    def for_deleting(self) -> Iterator[None]:
        """Have room for the block; what is left of the reserve is kept back again afterwards."""
        had = self.kept_back
        self.make()
        try:
            yield
        finally:
            if had and not self.kept_back:
                self._keep_back_what_is_left()

    def _keep_back_what_is_left(self) -> None:
        """Fill the reserve of a full disk, before other writers take the room that it gave."""
        enough = self.enough
        left = min(enough, self.free - enough // 4)
        if left > 0:
            with suppress(OSError):
                _allocate(self._reserve, left)

    def _give_up_cache(self, wanted: int) -> None:
        if self._cache is None:
            return
        # A cache on another disk has no room that would help.
        with suppress(OSError):
            if self._cache.folder.stat().st_dev == self._folder.stat().st_dev:
                self._cache.give_up(wanted)


def _allocate(path: Path, n_bytes: int) -> None:
    """Make a file that takes `n_bytes` of the disk.

    Raises:
        OSError: there is no room for it; nothing is left then.
    """
    try:
        with path.open("wb") as file:
            path.chmod(0o600)
            if not _is_allocated(file.fileno(), n_bytes):
                # Random, since some file systems compress and would keep hardly anything of zeros.
                for _ in range(0, n_bytes, _BLOCK):
                    file.write(os.urandom(_BLOCK))
    except OSError:
        delete(path)
        raise


def _is_allocated(descriptor: int, n_bytes: int) -> bool:
    """Have the file system allocate the bytes; False where it has no way to do so."""
    if not hasattr(os, "posix_fallocate"):
        return False
    try:
        os.posix_fallocate(descriptor, 0, n_bytes)
    except OSError:
        return False
    return True
