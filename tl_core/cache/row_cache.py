"""A folder of rows of numbers, found by what they were made by and from; bounded, and shared by processes."""

import hashlib
import json
from collections.abc import Mapping, Set
from copy import copy
from pathlib import Path

from tl_core.cache.shelf import Shelf
from tl_core.cache.space import Space

Ingredient = str | int | float | list[object] | tuple[object, ...] | None


class RowCache:
    """May be shared by threads, and the folder by processes. Deleting the folder costs nothing but time."""

    def __init__(self, folder: Path, max_bytes: int, keep_free: int = 2 * 2**30) -> None:
        """
        Args:
            max_bytes: that the files together may have; the least recently used ones go first, some perhaps now.
            keep_free: bytes of the disk that are left to others.
        """
        self._folder = folder
        self._space = Space(folder, max_bytes, keep_free)
        self._verified: set[Path] = set()
        self._spared: Set[Path] = frozenset()

    def sparing(self, used: set[Path]) -> "RowCache":
        """The same cache; what is written by way of it makes no room at the cost of what is `used`, now or later."""
        same = copy(self)
        same._spared = used
        return same

    def shelf(self, recipe: Mapping[str, Ingredient], used: set[Path] | None = None) -> Shelf:
        """Where the rows lie that are made by `recipe`, which must name all that decides about them but their keys.

        Args:
            used: one set for all shelves that are used together: none makes room at the cost of what another uses.
        """
        text = json.dumps(recipe, sort_keys=True, allow_nan=False)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        used, folder = set() if used is None else used, self._folder / name
        return Shelf(
            folder, text, self._space, verified=self._verified, used=used, spared=self._spared
        )

    def bytes_kept(self) -> int:
        """Bytes on disk, what is being written included."""
        return self._space.bytes_kept()

    def clear(self) -> None:
        """Delete all but what is being written."""
        self._space.clear()
