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

    def __init__(
        self, segments: Sequence[MappedSegment], numbers: Sequence[int], places: Sequence[int]
    ) -> None:
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
        """Copy rows of one shape and type, one or more of them, into [n, …].

        Args:
            out: where to; of another type than the rows, it gets them converted.

        Raises:
            ValueError: the rows are of several shapes or types, or `out` is of another shape.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        first = self[int(chosen[0])]
        shape = (len(chosen), *first.shape)
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
        for number in np.unique(numbers).tolist():
            (targets,) = np.nonzero(numbers == number)
            table = self._segments[number].table
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
