"""One immutable file of rows: what is in it, checksums that give away a damaged or half file, then the rows.

The file is a magic word, the length and the CRC-32 of a JSON header, the header, and the rows one behind the other from
the next multiple of 64 bytes on. CRC-32 is the fastest checksum in the standard library: 3 GB/s a thread were measured,
SHA-1 gave half of it.
"""

import json
import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.locks import share_lock

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = ("uint8", "float16", "float32")
_START = struct.Struct("<8sII")
_MAGIC = b"TLROWS01"
_ALIGNMENT = 64
_BLOCK = 16 * 2**20
"""Bytes that share a checksum, so that several threads can verify one file."""
_THREADS = min(4, os.cpu_count() or 1)


class Damaged(Exception):
    """The file is not a whole segment."""


def pack(keys: Sequence[str], rows: Array | Sequence[Array]) -> list[memoryview]:
    """What a segment's file holds, in pieces: all that comes before the rows, then the bytes of the rows.

    Raises:
        ValueError: rows and keys differ in number, or rows are of another type than `DTYPES`, or of several.
    """
    if not keys or len(keys) != len(rows):
        raise ValueError(
            f"{len(rows)} rows for {len(keys)} keys; give one key a row, and at least one row"
        )
    shapes = [row.shape for row in rows]
    if len(set(shapes)) == 1:
        shapes = shapes[:1]
    types = {str(row.dtype) for row in rows}
    if len(types) > 1 or not types.issubset(DTYPES):
        raise ValueError(
            f"rows of {', '.join(sorted(types))}; they must all be of one type among "
            f"{', '.join(DTYPES)}"
        )
    wholes = [rows] if isinstance(rows, np.ndarray) else rows
    pieces = [np.ascontiguousarray(whole).reshape(-1).view(np.uint8).data for whole in wholes]
    header = {
        "keys": list(keys),
        "dtype": types.pop(),
        "shapes": shapes,
        "checksums": list(_checksums(pieces)),
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    before = _START.pack(_MAGIC, len(text), zlib.crc32(text)) + text
    return [memoryview(before.ljust(_aligned(len(before)), b"\0")), *pieces]


def _checksums(pieces: Iterable[memoryview]) -> Iterator[int]:
    """Of every `_BLOCK` bytes, as if the pieces were one."""
    checksum, room = 0, _BLOCK
    for piece in pieces:
        start = 0
        while start < len(piece):
            part = piece[start : start + room]
            checksum, room, start = zlib.crc32(part, checksum), room - len(part), start + len(part)
            if not room:
                yield checksum
                checksum, room = 0, _BLOCK
    if room < _BLOCK:
        yield checksum


class Segment:
    """A segment's file, of which only the header has been read."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            Damaged: the header is, or the file's length is not what the header says.
            OSError: it cannot be read, or is gone.
        """
        with path.open("rb") as file:
            header, self._data_start = _read_header(file.read(_START.size), file.read)
            size = os.fstat(file.fileno()).st_size
        self.path = path
        self.keys: list[str] = header["keys"]
        self.dtype = np.dtype(header["dtype"])
        self.shapes = [tuple(shape) for shape in header["shapes"]]
        """One for each row, or a single one that all rows have."""
        self._checksums: list[int] = header["checksums"]
        lengths = [
            self.dtype.itemsize * int(np.prod(shape, dtype=np.int64)) for shape in self.shapes
        ]
        if len(lengths) == 1:
            lengths *= len(self.keys)
        self.starts = np.cumsum([0, *lengths], dtype=np.int64)
        """Where each row begins among the bytes of all rows, and where the last one ends."""
        if size != self._data_start + int(self.starts[-1]):
            raise Damaged(
                f"{path} has {size} bytes and should have {self._data_start + int(self.starts[-1])}"
            )

    def blocks(self) -> Iterable[tuple[Path, int, int, int]]:
        """What `verify` checks: path, offset, length and checksum of every block of rows."""
        n_bytes = int(self.starts[-1])
        for number, checksum in enumerate(self._checksums):
            start = number * _BLOCK
            yield self.path, self._data_start + start, min(_BLOCK, n_bytes - start), checksum

    def map(self) -> "MappedSegment":
        """The rows, mapped into memory. They stay readable when the file is deleted.

        Raises:
            OSError: it cannot be mapped, or is gone.
        """
        with self.path.open("rb") as file:
            share_lock(
                file
            )  # which the mapping, having a copy of the descriptor, holds for as long as it lives
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        data = np.frombuffer(mapping, np.uint8, count=int(self.starts[-1]), offset=self._data_start)
        return MappedSegment(data.view(self.dtype), self.shapes, self.starts // self.dtype.itemsize)


class MappedSegment:
    """The rows of a segment, in memory that is read from the disk as it is touched."""

    def __init__(self, flat: Array, shapes: list[tuple[int, ...]], starts: Array) -> None:
        self.table = flat.reshape(-1, *shapes[0]) if len(shapes) == 1 and flat.size else None
        """All rows as [n, …] where they have one shape, else None."""
        self._flat = flat
        self._shapes = shapes
        self._starts = starts.tolist()

    def row(self, place: int) -> Array:
        """A view that cannot be written to."""
        if self.table is not None:
            one: Array = self.table[place]
            return one
        shape = self._shapes[place if len(self._shapes) > 1 else 0]
        return self._flat[self._starts[place] : self._starts[place + 1]].reshape(shape)


def verify(segments: Iterable[Segment]) -> set[Path]:
    """Read all rows with a few threads, and give the files whose rows are not what was written."""
    blocks = [block for segment in segments for block in segment.blocks()]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="transferlab-cache") as pool:
        return {
            block[0]
            for block, is_sound in zip(blocks, pool.map(_is_sound, blocks), strict=True)
            if not is_sound
        }


def _is_sound(block: tuple[Path, int, int, int]) -> bool:
    path, offset, length, checksum = block
    try:
        with path.open("rb", buffering=0) as file:
            return zlib.crc32(os.pread(file.fileno(), length, offset)) == checksum
    except OSError:
        return False


def _read_header(start: bytes, read: Callable[[int], bytes]) -> tuple[dict[str, Any], int]:
    """The header and where the rows begin."""
    if len(start) < _START.size:
        raise Damaged("the file is shorter than any segment")
    magic, length, checksum = _START.unpack(start)
    if magic != _MAGIC:
        raise Damaged("the file does not begin as a segment does")
    text = read(length)
    if zlib.crc32(text) != checksum:
        raise Damaged("the header is damaged")
    header: dict[str, Any] = json.loads(text)
    return header, _aligned(_START.size + length)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
