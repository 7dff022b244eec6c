"""One upload from a browser: its batches on disk, and what it may have."""

import shutil
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from tl_core.data.file_types import HEAD_BYTES, ZIP_ARCHIVE, name_archive
from tl_core.settings import Limits
from tl_core.text import count, size
from tl_ui.data.upload_batch import (
    BatchWriter,
    UploadBatch,
    UploadIncomplete,
    UploadRefused,
    UploadTooLarge,
)
from tl_ui.data.upload_bounds import Bounds, UploadRoom

MAX_BATCHES = 100_000
_MOST_NAMED = 20_000
"""Missing batches that an answer names; the rest is named when these have come."""


class Upload:
    """Upload of a folder, of images or of a zip. Several threads may write to it."""

    def __init__(
        self, upload_id: str, owner: str, room: UploadRoom, bounds: Bounds, limits: Limits
    ) -> None:
        """
        Args:
            owner: id of the person who sends it.

        Raises:
            UploadRefused: the disk cannot be written to.
        """
        self.id = upload_id
        self.owner = owner
        self.limits = limits
        self.touched = time.monotonic()
        self.is_finished = False
        self._room = room
        self._bounds = bounds
        self._folder = room.open()
        self._batches: dict[int, UploadBatch] = {}
        self._begun: set[BatchWriter] = set()
        self._arriving: dict[BatchWriter, UploadBatch] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._is_removed = False

    @property
    def is_zip(self) -> bool:
        """True if the upload is a single zip, by its name or its content."""
        files = self.entries()
        if len(files) != 1:
            return False
        name, path = files[0]
        with path.open("rb") as file:
            return (
                name.lower().endswith(".zip") or name_archive(file.read(HEAD_BYTES)) == ZIP_ARCHIVE
            )

    def entries(self) -> list[tuple[str, Path]]:
        """Return the original name and the path on disk of each file, in the order of sending."""
        self.touched = time.monotonic()
        return [
            (file.name, self._batch_folder(number) / str(place))
            for number, batch in sorted(self._batches.items())
            for place, file in enumerate(batch.files)
        ]

    def start_batch(self, number: int) -> BatchWriter:
        """Return the writer of a batch, which has to be discarded at the end.

        Raises:
            UploadsBusy: too many batches arrive already.
            UploadRefused: there is no such batch.
        """
        if not 0 <= number < MAX_BATCHES:
            raise UploadRefused(f"There is no batch {number}.")
        self._bounds.enter(self.owner)
        # A folder of its own, since the same batch may arrive twice at a time.
        writer = BatchWriter(self, number, self._folder / uuid.uuid4().hex)
        with self._lock:
            self._begun.add(writer)
        return writer

    def finish(self, batches: int, files: int, n_bytes: int) -> None:
        """Check that all that the browser has sent is on disk.

        Raises:
            UploadIncomplete: batches are missing.
            UploadRefused: the number of files or bytes differs.
        """
        self.touched = time.monotonic()
        # The number comes from outside, so it is bounded before it is counted through.
        if batches > MAX_BATCHES:
            raise UploadTooLarge(
                f"These are more than {count(MAX_BATCHES)} batches, the limit of one upload."
            )
        missing = [n for n in range(batches) if n not in self._batches]
        # The disk is asked only where all seem to be there.
        missing = missing or [n for n in range(batches) if not self._is_whole(n)]
        if missing:
            sentence = "Some files did not arrive. Send them again."
            raise UploadIncomplete(sentence, missing[:_MOST_NAMED])
        arrived, arrived_bytes = _totals(self._batches.values())
        if (len(self._batches), arrived, arrived_bytes) != (batches, files, n_bytes):
            raise UploadRefused(
                f"{count(files)} files ({size(n_bytes)}) were sent, but {count(arrived)} "
                f"({size(arrived_bytes)}) arrived. Start the upload again."
            )
        self.is_finished = True

    def close(self) -> None:
        """Delete the upload and its files."""
        with self._lock:
            self._closed = True
            self._remove_when_unused()

    def claim(self, writer: BatchWriter, batch: UploadBatch) -> None:
        """Reserve space for a batch before its bytes are read.

        Raises:
            UploadTooLarge: with this batch, the upload would exceed the limits.
            UploadsBusy: all uploads together would.
        """
        with self._lock:
            self._check_open()
            # By number, since a batch that has just been stored is still among the arriving ones.
            arriving = {other.number: theirs for other, theirs in self._arriving.items()}
            batches = {**self._batches, **arriving, writer.number: batch}
            n_files, n_bytes = _totals(batches.values())
            self._check_limits(n_files, n_bytes)
            n_characters = sum(each.n_characters for each in batches.values())
            self._bounds.hold(self.id, n_bytes, n_characters)
            self._arriving[writer] = batch
            self.touched = time.monotonic()

    def release(self, writer: BatchWriter) -> None:
        with self._lock:
            # A writer is released when it is done, and again when it is discarded.
            if writer in self._begun:
                self._begun.remove(writer)
                self._bounds.leave(self.owner)
            self._arriving.pop(writer, None)
            self._remove_when_unused()

    def keep(self, writer: BatchWriter, batch: UploadBatch) -> None:
        """Store a complete batch; it replaces an earlier copy."""
        with self._lock:
            self._check_open()
            place = self._batch_folder(writer.number)
            # A rename cannot replace a folder that holds files.
            shutil.rmtree(place, ignore_errors=True)
            writer.folder.rename(place)
            self._batches[writer.number] = batch
            self.touched = time.monotonic()

    @property
    def is_arriving(self) -> bool:
        return bool(self._begun)

    def _check_open(self) -> None:
        if self._closed:
            raise UploadRefused("This upload was cancelled. Start it again.")

    def _remove_when_unused(self) -> None:
        # A folder cannot be removed while files are written to it, so the last writer does it.
        if self._closed and not self._begun and not self._is_removed:
            self._is_removed = True
            self._bounds.forget(self.id)
            self._room.close(self._folder)

    def _check_limits(self, files: int, n_bytes: int) -> None:
        if files > self.limits.max_files:
            raise UploadTooLarge(
                f"These are more than {count(self.limits.max_files)} files, the limit of one "
                "upload on this server."
            )
        if n_bytes > self.limits.max_bytes:
            raise UploadTooLarge(
                f"This is more than {size(self.limits.max_bytes)}, the limit of one upload on "
                "this server."
            )

    def _batch_folder(self, number: int) -> Path:
        return self._folder / f"batch-{number}"

    def _is_whole(self, number: int) -> bool:
        folder = self._batch_folder(number)
        try:
            return number in self._batches and all(
                (folder / str(place)).stat().st_size == file.size
                for place, file in enumerate(self._batches[number].files)
            )
        except FileNotFoundError:
            return False


def _totals(batches: Iterable[UploadBatch]) -> tuple[int, int]:
    batches = list(batches)
    return sum(len(batch.files) for batch in batches), sum(batch.n_bytes for batch in batches)
