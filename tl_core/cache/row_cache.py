"""Size-limited disk cache of rows, shared by processes and addressed by recipe and key."""

import hashlib
import json
from collections.abc import Mapping, Set
from copy import copy
from pathlib import Path

from tl_core.cache.shelf import Shelf
from tl_core.cache.space import Space

Ingredient = str | int | float | list[object] | tuple[object, ...] | None


class RowCache:
    """Cache in one folder. Threads may share the object, processes the folder.

    Deleting the folder is safe: it only costs the time to compute its content again.
    """

    def __init__(self, folder: Path, max_bytes: int, keep_free: int = 2 * 2**30) -> None:
        """Open the cache and delete what exceeds its limit.

        Args:
            max_bytes: limit on all files together; the least recently used ones are deleted first.
            keep_free: bytes of the disk that are left to other programs.
        """
        self._folder = folder
        self._space = Space(folder, max_bytes, keep_free)
        self._verified: set[Path] = set()
        self._spared: Set[Path] = frozenset()
        self._scope = ""

    def sparing(self, used: set[Path]) -> "RowCache":
        """Return the same cache, but one whose writes never delete the files in `used`.

        The set is not copied: files that are added to it later are spared too.
        """
        # A shallow copy: both share the disk space and the set of verified files.
        same = copy(self)
        same._spared = used
        return same

    def scoped(self, scope: str) -> "RowCache":
        """Return the same cache for rows that are kept apart from those of other scopes.

        What is in one scope is not found in another, so nobody learns from the time that something
        takes what others have computed.
        """
        same = copy(self)
        same._scope = scope
        return same

    def shelf(self, recipe: Mapping[str, Ingredient], used: set[Path] | None = None) -> Shelf:
        """Return the rows computed by `recipe`, which must name everything they depend on but keys.

        Args:
            used: set to share between shelves that are used together, so that none deletes files
                of another to make room.
        """
        # Rows of the empty scope are found as they were before there were others.
        recipe = {**recipe, "scope": self._scope} if self._scope else recipe
        # Sorted, so that equal recipes give the same folder in whatever order they were written.
        text = json.dumps(recipe, sort_keys=True, allow_nan=False)
        # 32 hex digits are 128 bits: collisions are not to be expected, and paths stay short.
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        return Shelf(
            self._folder / name,
            text,
            self._space,
            verified=self._verified,
            # A shared set may still be empty, and must be used itself.
            used=set() if used is None else used,
            spared=self._spared,
        )

    @property
    def folder(self) -> Path:
        return self._folder

    def bytes_kept(self) -> int:
        """Return the bytes on disk, files being written included."""
        return self._space.bytes_kept()

    def clear(self) -> None:
        """Delete all files except those being written."""
        self._space.clear()

    def give_up(self, wanted: int) -> None:
        """Delete unused files, the least recently used first, until the disk has `wanted` free.

        Raises:
            OSError: the disk cannot be asked.
        """
        self._space.give_up(wanted)
