"""Cached rows: read from the memory-mapped files, or gathered into one array."""

from collections.abc import Sequence

import numpy as np

from tl_core.cache.segment import Array, MappedSegment

_SMALL_ROW = 8_192
"""Size in bytes above which rows are copied one by one: indexing would copy them twice."""
_FEW_ROWS = 64
"""Number of rows below which they are copied one by one."""


class CacheMiss(LookupError):
    """Row that is not in the cache, or no longer; it must be computed."""


class Rows:
    """Rows in the requested order. They stay readable when the cache deletes their files."""

    def __init__(
        self, segments: Sequence[MappedSegment], numbers: Sequence[int], places: Sequence[int]
    ) -> None:
        """Map row i to row `places[i]` of segment `numbers[i]`."""
        self._segments = list(segments)
        # Arrays, since `gather` indexes them with many numbers at once.
        self._numbers = np.asarray(numbers, dtype=np.int64)
        self._places = np.asarray(places, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, i: int) -> Array:
        """Return row i, read-only and without a copy."""
        return self._segments[int(self._numbers[i])].row(int(self._places[i]))

    @property
    def n_bytes(self) -> int:
        """Size of all rows together, in bytes."""
        return sum(self[i].nbytes for i in range(len(self)))

    def gather(self, indices: Sequence[int] | Array, out: Array | None = None) -> Array:
        """Copy one or more rows of the same shape and type into an array [n, …].

        Args:
            out: array to fill; rows are converted to its type.

        Raises:
            ValueError: the rows differ in shape or type, or `out` has another shape.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        first = self[int(chosen[0])]
        shape = (len(chosen), *first.shape)
        # Left uninitialised, since every row is overwritten below.
        target: Array = np.empty(shape, first.dtype) if out is None else out
        if target.shape != shape:
            raise ValueError(
                f"out is {target.shape}; {len(chosen)} rows of {first.shape} are to be gathered"
            )
        if len(chosen) < _FEW_ROWS or first.nbytes > _SMALL_ROW:
            self._copy_each(chosen, range(len(chosen)), target, first)
        else:
            self._copy_by_segment(chosen, target, first)
        return target

    def _copy_by_segment(self, chosen: Array, out: Array, like: Array) -> None:
        numbers = self._numbers[chosen]
        # One indexed read per file is much faster than many small copies in Python.
        for number in np.unique(numbers).tolist():
            (targets,) = np.nonzero(numbers == number)
            table = self._segments[number].table
            # NumPy would broadcast or convert rows of another shape or type without an error.
            if table is not None and _are_alike(table[0], like):
                out[targets] = table[self._places[chosen[targets]]]
            else:
                self._copy_each(chosen[targets], targets.tolist(), out, like)

    def _copy_each(self, chosen: Array, targets: Sequence[int], out: Array, like: Array) -> None:
        for target, i in zip(targets, chosen.tolist(), strict=True):
            row = self[i]
            if not _are_alike(row, like):
                raise ValueError(
                    "rows of several shapes or types make no array, such as "
                    f"{row.dtype} {row.shape} and {like.dtype} {like.shape}"
                )
            out[target] = row


def _are_alike(one: Array, other: Array) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype
