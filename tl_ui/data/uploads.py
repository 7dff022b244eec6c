"""Uploads from a browser, each kept on disk until a page takes it in.

`upload_batch` says how they arrive.
"""

import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

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
_GONE = "This upload is not here any more. Send the files again."


def new_upload_id() -> str:
    """An id for an upload that has not begun."""
    return uuid.uuid4().hex


class Upload:
    """One thing handed in: a folder, some images or a zip. Safe to fill from several threads."""

    def __init__(self, upload_id: str, artifacts: Artifacts, limits: Limits) -> None:
        self.id = upload_id
        self.limits = limits
        self.touched = time.monotonic()
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(artifacts.staging_folder())
        self._batches: dict[int, UploadBatch] = {}
        self._arriving: dict[BatchWriter, UploadBatch] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def is_zip(self) -> bool:
        """True when the one thing sent is a .zip."""
        files = [file for batch in self._batches.values() for file in batch.files]
        return len(files) == 1 and files[0].name.lower().endswith(".zip")

    def entries(self) -> list[tuple[str, Path]]:
        """The name of each file as it was sent, and where it lies; in the order in which they were sent."""
        self.touched = time.monotonic()
        return [
            (file.name, self._batch_folder(number) / str(place))
            for number, batch in sorted(self._batches.items())
            for place, file in enumerate(batch.files)
        ]

    def start_batch(self, number: int) -> BatchWriter:
        if not 0 <= number < MAX_BATCHES:
            raise UploadRefused(f"There is no batch {number}.")
        return BatchWriter(self, number, self._folder / uuid.uuid4().hex)

    def finish(self, batches: int, files: int, n_bytes: int) -> None:
        """Check that what the browser says it sent is what lies on the disk.

        Raises:
            UploadIncomplete: it is not.
        """
        self.touched = time.monotonic()
        missing = [n for n in range(min(batches, MAX_BATCHES)) if not self._is_whole(n)]
        if missing:
            raise UploadIncomplete("Some files did not arrive. Send them again.", missing)
        here = _totals(self._batches.values())
        if len(self._batches) != batches or here != (files, n_bytes):
            raise UploadRefused(
                f"{count(files)} files ({size(n_bytes)}) were sent, but {count(here[0])} ({size(here[1])}) arrived. "
                "Start the upload again."
            )

    def close(self) -> None:
        """Forget the upload and its files."""
        with self._lock:
            self._closed = True
            self._remove_when_unused()

    def claim(self, writer: BatchWriter, batch: UploadBatch) -> None:
        """Set space aside for a batch, before a byte of it is read.

        Raises:
            UploadTooLarge: with it, the upload would hold more than the limits allow.
        """
        with self._lock:
            self._check_open()
            # By number, since one that was just kept is still among those arriving.
            arriving = {their.number: other for their, other in self._arriving.items()}
            self._check_limits(
                *_totals({**self._batches, **arriving, writer.number: batch}.values())
            )
            self._arriving[writer] = batch
            self.touched = time.monotonic()

    def release(self, writer: BatchWriter) -> None:
        with self._lock:
            self._arriving.pop(writer, None)
            self._remove_when_unused()

    def keep(self, writer: BatchWriter, batch: UploadBatch) -> None:
        """Put a whole batch in its place, instead of an earlier copy of it."""
        with self._lock:
            self._check_open()
            place = self._batch_folder(writer.number)
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
        """A folder that is being written to cannot be removed whole, so the last writer to leave does it."""
        if self._closed and not self._arriving:
            self._stack.close()

    def _check_limits(self, files: int, n_bytes: int) -> None:
        if files > self.limits.max_files:
            raise UploadTooLarge(
                f"These are more than {count(self.limits.max_files)} files, the most that one dataset may have here."
            )
        if n_bytes > self.limits.max_bytes:
            raise UploadTooLarge(
                f"This is more than {size(self.limits.max_bytes)}, the most that one dataset may have here."
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
    """The uploads of this process, each kept until it is taken, closed, or an hour idle."""

    def __init__(
        self, artifacts: Artifacts, limits: Limits, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._artifacts = artifacts
        self.limits = limits
        self._idle_seconds = idle_seconds
        self._open: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def get(self, upload_id: str) -> Upload:
        """Raises: UploadRefused: there is none of that id."""
        with self._lock:
            if upload_id not in self._open:
                raise UploadRefused(_GONE)
            return self._open[upload_id]

    def is_open(self, upload_id: str) -> bool:
        """False once it has been taken or closed."""
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
        """An upload for its last use: nothing more comes in, and its files are gone after the block."""
        upload = self._pop(upload_id)
        if upload is None:
            raise UploadRefused(_GONE)
        try:
            yield upload
        finally:
            upload.close()

    def close(self, upload_id: str) -> None:
        """Forget an upload, if there is one of that id."""
        upload = self._pop(upload_id)
        if upload is not None:
            upload.close()

    def drop_idle(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        with self._lock:
            idle = [u.id for u in self._open.values() if u.touched < oldest and not u.is_arriving]
        for upload_id in idle:
            self.close(upload_id)

    def _pop(self, upload_id: str) -> Upload | None:
        with self._lock:
            return self._open.pop(upload_id, None)

    def _drop_idle_later(self) -> None:
        timer = threading.Timer(self._idle_seconds + 1, self._drop_and_look_again)
        timer.daemon = True
        timer.start()

    def _drop_and_look_again(self) -> None:
        self.drop_idle()
        if self._open:
            self._drop_idle_later()


@cache
def uploads_for(settings: Settings) -> Uploads:
    """The one registry of this process for a home folder; pages and routes share it."""
    return Uploads(Artifacts(settings.home), settings.limits)
