"""Uploads from a browser, each stored on disk until a page imports it.

`upload_batch` documents the format in which they arrive.
"""

import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from tl_core.data.file_types import HEAD_BYTES, ZIP_ARCHIVE, name_archive
from tl_core.settings import Limits, Settings
from tl_core.store.artifacts import Artifacts
from tl_core.text import count, size
from tl_ui.data.upload_batch import (
    BatchWriter,
    UploadBatch,
    UploadIncomplete,
    UploadRefused,
    UploadTooLarge,
)

MAX_BATCHES = 1_000_000
IDLE_SECONDS = 3600
_GONE = "This upload has expired or was cancelled. Send the files again."


def new_upload_id() -> str:
    """Return an id for a new upload."""
    return uuid.uuid4().hex


class Upload:
    """Upload of a folder, of images or of a zip. Several threads may write to it."""

    def __init__(self, upload_id: str, artifacts: Artifacts, limits: Limits) -> None:
        self.id = upload_id
        self.limits = limits
        self.touched = time.monotonic()
        # The staging folder lives as long as the upload, beyond any `with` block.
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(artifacts.staging_folder())
        self._batches: dict[int, UploadBatch] = {}
        self._arriving: dict[BatchWriter, UploadBatch] = {}
        self._lock = threading.Lock()
        self._closed = False

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
        if not 0 <= number < MAX_BATCHES:
            raise UploadRefused(f"There is no batch {number}.")
        # A folder of its own, since the same batch may arrive twice at a time.
        return BatchWriter(self, number, self._folder / uuid.uuid4().hex)

    def finish(self, batches: int, files: int, n_bytes: int) -> None:
        """Check that all that the browser has sent is on disk.

        Raises:
            UploadIncomplete: batches are missing.
            UploadRefused: the number of files or bytes differs.
        """
        self.touched = time.monotonic()
        # The number comes from outside, so it is bounded before it is counted through.
        missing = [n for n in range(min(batches, MAX_BATCHES)) if not self._is_whole(n)]
        if missing:
            raise UploadIncomplete("Some files did not arrive. Send them again.", missing)
        arrived, arrived_bytes = _totals(self._batches.values())
        if (len(self._batches), arrived, arrived_bytes) != (batches, files, n_bytes):
            raise UploadRefused(
                f"{count(files)} files ({size(n_bytes)}) were sent, but {count(arrived)} "
                f"({size(arrived_bytes)}) arrived. Start the upload again."
            )

    def close(self) -> None:
        """Delete the upload and its files."""
        with self._lock:
            self._closed = True
            self._remove_when_unused()

    def claim(self, writer: BatchWriter, batch: UploadBatch) -> None:
        """Reserve space for a batch before its bytes are read.

        Raises:
            UploadTooLarge: with this batch, the upload would exceed the limits.
        """
        with self._lock:
            self._check_open()
            # By number, since a batch that has just been stored is still among the arriving ones.
            arriving = {other.number: theirs for other, theirs in self._arriving.items()}
            batches = {**self._batches, **arriving, writer.number: batch}
            self._check_limits(*_totals(batches.values()))
            self._arriving[writer] = batch
            self.touched = time.monotonic()

    def release(self, writer: BatchWriter) -> None:
        with self._lock:
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
        return bool(self._arriving)

    def _check_open(self) -> None:
        if self._closed:
            raise UploadRefused("This upload was cancelled. Start it again.")

    def _remove_when_unused(self) -> None:
        # A folder cannot be removed while files are written to it, so the last writer does it.
        if self._closed and not self._arriving:
            self._stack.close()

    def _check_limits(self, files: int, n_bytes: int) -> None:
        if files > self.limits.max_files:
            raise UploadTooLarge(
                f"These are more than {count(self.limits.max_files)} files, the limit for one "
                "dataset on this server."
            )
        if n_bytes > self.limits.max_bytes:
            raise UploadTooLarge(
                f"This is more than {size(self.limits.max_bytes)}, the limit for one dataset on "
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


class Uploads:
    """Uploads of this process; each stays until it is imported, closed, or idle for an hour."""

    def __init__(
        self, artifacts: Artifacts, limits: Limits, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._artifacts = artifacts
        self.limits = limits
        self._idle_seconds = idle_seconds
        self._open: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def get(self, upload_id: str) -> Upload:
        """Return an open upload.

        Raises:
            UploadRefused: there is none with this id.
        """
        with self._lock:
            if upload_id not in self._open:
                raise UploadRefused(_GONE)
            return self._open[upload_id]

    def is_open(self, upload_id: str) -> bool:
        """Tell if the upload has been neither imported nor closed."""
        return upload_id in self._open

    def get_or_open(self, upload_id: str) -> Upload:
        self.drop_idle()
        with self._lock:
            if upload_id not in self._open:
                self._open[upload_id] = Upload(upload_id, self._artifacts, self.limits)
                self._drop_idle_later()
            return self._open[upload_id]

    @contextmanager
    def take(self, upload_id: str) -> Iterator[Upload]:
        """Yield an upload for import: it accepts no more files, and is deleted after the block."""
        upload = self._pop(upload_id)
        if upload is None:
            raise UploadRefused(_GONE)
        try:
            yield upload
        finally:
            upload.close()

    def close(self, upload_id: str) -> None:
        """Delete an upload, if there is one with this id."""
        upload = self._pop(upload_id)
        if upload is not None:
            upload.close()

    def drop_idle(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        with self._lock:
            # A batch on a slow line is not idle, though it touches nothing until it is stored.
            idle = [u.id for u in self._open.values() if u.touched < oldest and not u.is_arriving]
        # Outside the lock, which `close` takes itself.
        for upload_id in idle:
            self.close(upload_id)

    def _pop(self, upload_id: str) -> Upload | None:
        with self._lock:
            return self._open.pop(upload_id, None)

    def _drop_idle_later(self) -> None:
        # There may be no next request that could look for idle uploads.
        timer = threading.Timer(self._idle_seconds + 1, self._drop_and_look_again)
        # A waiting timer must not keep the process alive.
        timer.daemon = True
        timer.start()

    def _drop_and_look_again(self) -> None:
        self.drop_idle()
        if self._open:
            self._drop_idle_later()


def uploads_for(settings: Settings) -> Uploads:
    """Return the uploads of a home folder, which pages and routes share."""
    return _uploads_in(settings.home, settings.limits)


@cache
def _uploads_in(home: Path, limits: Limits) -> Uploads:
    return Uploads(Artifacts(home), limits)
