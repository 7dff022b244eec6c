"""Rows that were found: read where they lie, or gathered into an array of one's own."""

from collections.abc import Sequence

import numpy as np

from tl_core.cache.segment import Array, MappedSegment

_SMALL_ROW = 8_192
"""Bytes; larger rows are copied one by one, since gathering them by index would copy them twice."""
_FEW_ROWS = 64


class CacheMiss(LookupError):
    """A row is not in the cache, or not any more; make it anew."""


class Rows:
    """Rows in the order they were asked for. They stay readable when the cache lets go of their files."""

    def __init__(self, segments: Sequence[MappedSegment], numbers: Sequence[int], places: Sequence[int]) -> None:
        """Row i is row `places[i]` of segment `numbers[i]`."""
        self._segments = list(segments)
        self._numbers = np.asarray(numbers, dtype=np.int64)
        self._places = np.asarray(places, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, i: int) -> Array:
        """Row i, without a copy; it cannot be written to."""
        return self._segments[int(self._numbers[i])].row(int(self._places[i]))

    @property
    def n_bytes(self) -> int:
        """Of all rows together."""
        return sum(self[i].nbytes for i in range(len(self)))

    def gather(self, indices: Sequence[int] | Array, out: Array | None = None) -> Array:
        """Copy rows of one shape, one or more of them, into [n, …].

        Args:
            out: where to; of another type than the rows, it gets them converted.

        Raises:
            ValueError: the rows are of several shapes, or `out` is of another.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        first = self[int(chosen[0])]
        shape = (len(chosen), *first.shape)
        target: Array = np.empty(shape, first.dtype) if out is None else out
        if target.shape != shape:
            raise ValueError(f"out is {target.shape}; {len(chosen)} rows of {first.shape} are to be gathered")
        if len(chosen) < _FEW_ROWS or first.nbytes > _SMALL_ROW:
            self._copy_each(chosen, target)
        else:
            self._copy_by_segment(chosen, target)
        return target

    def _copy_by_segment(self, chosen: Array, out: Array) -> None:
        numbers = self._numbers[chosen]
        for number in np.unique(numbers).tolist():
            (targets,) = np.nonzero(numbers == number)
            table = self._segments[number].table
            if table is None or table.shape[1:] != out.shape[1:]:
                self._copy_each(chosen[targets], out, targets)
            else:
                out[targets] = table[self._places[chosen[targets]]]

    def _copy_each(self, chosen: Array, out: Array, targets: Array | None = None) -> None:
        places = range(len(chosen)) if targets is None else targets.tolist()
        for target, i in zip(places, chosen.tolist(), strict=True):
            row = self[i]
            if row.shape != out.shape[1:]:
                raise ValueError(f"rows of several shapes, such as {out.shape[1:]} and {row.shape}, make no array")
            out[target] = row
