"""Batch of an upload, read from a stream and written to disk under names that the server chooses.

A batch is the length of a header (4 bytes, big-endian), the header (JSON, a list of
`{"name", "size"}`) and then the files' bytes, back to back. Sending a batch again replaces it, so
that a browser can safely repeat a batch whose answer was lost.
"""

import errno
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from tl_core.errors import TransferLabError

MAX_HEADER_BYTES = 2**20
"""Bytes of a batch's list of files. A page of ours lists at most 200 of them."""


class UploadRefused(TransferLabError):
    """Upload that cannot be accepted; `status` is the HTTP status of the response."""

    status = 400


class UploadTooLarge(UploadRefused):
    """Upload with more files or bytes than the operator allows."""

    status = 413


class UploadIncomplete(UploadRefused):
    """Upload with missing batches; `missing` are their numbers, to be sent again."""

    status = 409

    def __init__(self, message: str, missing: Sequence[int]) -> None:
        super().__init__(message)
        self.missing = list(missing)


class DiskFull(UploadRefused):
    """Upload for which the server's disk has no space left."""

    status = 507


@dataclass(frozen=True, slots=True)
class SentFile:
    name: str
    """Path in the browser, with forward slashes. User text, never a path on the server."""
    size: int
    """Size in bytes."""


@dataclass(frozen=True, slots=True)
class UploadBatch:
    files: tuple[SentFile, ...]
    n_bytes: int

    @property
    def n_characters(self) -> int:
        """Number of characters of all names."""
        return sum(len(file.name) for file in self.files)


def parse_header(raw: bytes) -> UploadBatch:
    """Parse the JSON header of a batch.

    Raises:
        UploadRefused: it is not a list of names and sizes.
    """
    try:
        entries = json.loads(raw)
        files = tuple(
            SentFile(_whole_characters(entry["name"]), entry["size"]) for entry in entries
        )
    # Deeply nested JSON makes the parser raise RecursionError.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UploadRefused(
            "The upload is damaged: its list of files cannot be read. Try again."
        ) from error
    # Not `isinstance`, for which JSON's `true` would be an integer.
    if not files or not all(type(file.size) is int and file.size >= 0 for file in files):
        raise UploadRefused("The upload is damaged: its list of files is not valid. Try again.")
    return UploadBatch(files, sum(file.size for file in files))


def _whole_characters(name: str) -> str:
    """Replace lone surrogates, which JSON allows but no database and no terminal accepts."""
    return name.encode(errors="replace").decode()


class Holder(Protocol):
    """Owner of a batch: may refuse it before its bytes are read, and stores it when complete."""

    def claim(self, writer: "BatchWriter", batch: UploadBatch) -> None: ...

    def keep(self, writer: "BatchWriter", batch: UploadBatch) -> None: ...

    def release(self, writer: "BatchWriter") -> None: ...


class BatchWriter:
    """Write a batch to disk while its bytes arrive; end it with `commit` or `discard`."""

    def __init__(self, upload: Holder, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder
        self._upload = upload
        self._start = bytearray()
        self._batch: UploadBatch | None = None
        self._place = -1
        self._left = 0
        self._handle: BinaryIO | None = None

    def feed(self, data: bytes) -> None:
        """Write the next bytes of the body.

        Raises:
            UploadRefused: they do not match the header, exceed the limits, or the disk is full.
        """
        with named_disk_errors():
            # A view, so that slicing a large chunk copies nothing.
            rest = memoryview(data)
            if self._batch is None:
                rest = self._feed_header(data)
            while rest:
                if self._handle is None:
                    raise UploadRefused(
                        "The upload is damaged: it holds more than it announced. Try again."
                    )
                # An unbuffered write may take fewer bytes than it is given.
                written = self._handle.write(rest[: self._left])
                rest = rest[written:]
                self._left -= written
                self._open_next_file()

    def commit(self) -> None:
        """Store the batch.

        Raises:
            UploadRefused: the body ended too early.
        """
        if self._batch is None or self._handle is not None:
            raise UploadRefused("The upload broke off. Try again.")
        with named_disk_errors():
            self._upload.keep(self, self._batch)
        self._upload.release(self)

    def discard(self) -> None:
        """Delete the partial batch; after `commit` this does nothing."""
        if self._handle is not None:
            self._handle.close()
        self._upload.release(self)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _feed_header(self, data: bytes) -> memoryview:
        self._start += data
        length = int.from_bytes(self._start[:4], "big")
        # The header is kept in memory, so its length is bounded before the rest arrives.
        if length > MAX_HEADER_BYTES:
            raise UploadRefused("The upload is damaged: its list of files is too long. Try again.")
        if len(self._start) < 4 + length:
            return memoryview(b"")
        header = bytes(self._start[4 : 4 + length])
        rest = bytes(self._start[4 + length :])
        self._start.clear()
        batch = parse_header(header)
        # Before the first write, so that a batch over the limits takes no room on disk.
        self._upload.claim(self, batch)
        self._batch = batch
        self.folder.mkdir()
        self._open_next_file()
        return memoryview(rest)

    def _open_next_file(self) -> None:
        """Open the next file with bytes to come; create the empty files before it."""
        while self._batch is not None and not self._left:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
            self._place += 1
            if self._place == len(self._batch.files):
                return
            self._left = self._batch.files[self._place].size
            # Unbuffered, since the web server already passes large chunks.
            self._handle = (self.folder / str(self._place)).open("wb", buffering=0)


@contextmanager
def named_disk_errors() -> Iterator[None]:
    """Turn errors in writing into sentences.

    Raises:
        DiskFull: there is no room.
        UploadRefused: the disk cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "The server's disk is full. Free some space on it, then try again."
            ) from error
        raise UploadRefused("The server could not store the upload. Try again.") from error
