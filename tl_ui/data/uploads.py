"""Uploads from a browser, each stored on disk until a page imports it.

`upload_batch` documents the format in which they arrive.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tl_core.settings import Limits, Settings
from tl_core.store.artifacts import Artifacts
from tl_ui.data.upload import Upload
from tl_ui.data.upload_batch import UploadRefused
from tl_ui.data.upload_bounds import MOST_OPEN, Bounds, UploadRoom, UploadsBusy
from tl_ui.data.upload_kinds import DATASET, kind_of

IDLE_SECONDS = 3600
HALF_SENT_SECONDS = 600
"""Seconds after which an upload is dropped of which nothing more comes."""
_SHORTEST_PAUSE = 0.02
_LONGEST_PAUSE = 30.0
_GONE = "This upload has expired or was cancelled. Send the files again."


def new_upload_id() -> str:
    """Return an id for the upload of a dataset."""
    return DATASET.new_id()


class Uploads:
    """Uploads of this process; each stays until it is imported, closed, or idle for an hour."""

    def __init__(
        self,
        artifacts: Artifacts,
        limits: Limits,
        idle_seconds: float = IDLE_SECONDS,
        half_sent_seconds: float = HALF_SENT_SECONDS,
    ) -> None:
        """
        Args:
            idle_seconds: age at which a finished upload is dropped that nobody imports.
            half_sent_seconds: age at which an unfinished one is dropped of which nothing comes.
        """
        self._room = UploadRoom(artifacts)
        self._bounds = Bounds(limits.max_bytes)
        self.limits = limits
        self._idle_seconds = idle_seconds
        self._half_sent_seconds = min(idle_seconds, half_sent_seconds)
        self._open: dict[str, Upload] = {}
        self._lock = threading.Lock()
        self._sweeper: threading.Thread | None = None

    def of(self, person_id: str, most: int | None = None) -> "PersonUploads":
        """Return the uploads of one person; those of the operator without an id.

        Args:
            most: number of uploads that they may have open; None sets no bound.
        """
        return PersonUploads(self, person_id, most)

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

    def get_or_open(self, upload_id: str, owner: str = "", most: int | None = None) -> Upload:
        """Return an upload, opened if there is none with this id.

        Args:
            owner: id of the person who sends it.
            most: number of uploads that this person may have open; None sets no bound.

        Raises:
            UploadsBusy: too many are open.
            UploadRefused: the disk cannot be written to.
        """
        self.drop_idle()
        with self._lock:
            if upload_id not in self._open:
                self._refuse_too_many(owner, most)
                self._open[upload_id] = Upload(
                    upload_id, owner, self._room, self._bounds, self.limits_of(upload_id)
                )
                self._sweep_later()
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
        """Drop the uploads that nobody imports, and those of which nothing more comes."""
        now = time.monotonic()
        with self._lock:
            # A batch on a slow line is not idle, though it touches nothing until it is stored.
            idle = [
                upload.id
                for upload in self._open.values()
                if not upload.is_arriving and now - upload.touched > self._patience(upload)
            ]
        # Outside the lock, which `close` takes itself.
        for upload_id in idle:
            self.close(upload_id)

    def limits_of(self, upload_id: str) -> Limits:
        """Return the limits of an upload with this id."""
        return kind_of(upload_id).limits(self.limits)

    def _patience(self, upload: Upload) -> float:
        if not upload.is_finished:
            return self._half_sent_seconds
        return min(self._idle_seconds, kind_of(upload.id).idle_seconds)

    def _refuse_too_many(self, owner: str, most: int | None) -> None:
        if len(self._open) >= MOST_OPEN:
            raise UploadsBusy(
                f"{MOST_OPEN} uploads are open on this server, the limit. Try again in a few "
                "minutes."
            )
        n_own = sum(upload.owner == owner for upload in self._open.values())
        if most is not None and n_own >= most:
            raise UploadsBusy(
                f"You have {n_own} uploads open, the limit. Import or cancel them first; those "
                f"of which nothing comes end after {self._half_sent_seconds / 60:g} minutes."
            )

    def _pop(self, upload_id: str) -> Upload | None:
        with self._lock:
            return self._open.pop(upload_id, None)

    def _sweep_later(self) -> None:
        # There may be no next request that could look for idle uploads. One thread does for all.
        if self._sweeper is None:
            self._sweeper = threading.Thread(
                target=self._sweep, name="transferlab-uploads", daemon=True
            )
            self._sweeper.start()

    def _sweep(self) -> None:
        pause = min(max(self._half_sent_seconds / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        while True:
            time.sleep(pause)
            self.drop_idle()
            with self._lock:
                if not self._open:
                    self._sweeper = None
                    return


@dataclass(frozen=True, slots=True)
class PersonUploads:
    """Uploads of one person; those of others do not exist for them, whatever id they name."""

    everyones: Uploads
    person_id: str
    most: int | None
    """Number of uploads that they may have open; None sets no bound."""

    @property
    def limits(self) -> Limits:
        return self.everyones.limits

    def get(self, upload_id: str) -> Upload:
        return self.everyones.get(self._key(upload_id))

    def is_open(self, upload_id: str) -> bool:
        return self.everyones.is_open(self._key(upload_id))

    def get_or_open(self, upload_id: str) -> Upload:
        return self.everyones.get_or_open(self._key(upload_id), self.person_id, self.most)

    def take(self, upload_id: str) -> AbstractContextManager[Upload]:
        return self.everyones.take(self._key(upload_id))

    def close(self, upload_id: str) -> None:
        self.everyones.close(self._key(upload_id))

    def _key(self, upload_id: str) -> str:
        # An id comes from the browser, which may be told that of somebody else's upload.
        return f"{self.person_id} {upload_id}" if self.person_id else upload_id


def uploads_for(settings: Settings) -> Uploads:
    """Return the uploads of a home folder, which pages and routes share."""
    return _uploads_in(settings.home, settings.limits)


@cache
def _uploads_in(home: Path, limits: Limits) -> Uploads:
    return Uploads(Artifacts(home), limits)
