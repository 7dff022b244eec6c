"""Bounds on all uploads of this server together, and on those of one person."""

import shutil
import threading
import uuid
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tl_core.store.artifacts import Artifacts
from tl_core.text import count, size
from tl_ui.data.upload_batch import UploadRefused, UploadTooLarge, named_disk_errors

MOST_OPEN = 200
"""Uploads that are open at a time, of everyone together."""
MOST_ARRIVING = 48
"""Batches that arrive at a time, of everyone together; each holds a connection and a file."""
MOST_ARRIVING_EACH = 8
"""Batches of one person that arrive at a time. A page of ours sends three."""
TIMES_ONE = 5
"""Bytes of all open uploads, as a multiple of what one may have."""
MOST_CHARACTERS_EACH = 16 * 2**20
MOST_CHARACTERS = 64 * 2**20
"""Characters of the names of one upload, and of all; names are in memory and files are not."""


class UploadsBusy(UploadRefused):
    """Upload for which there is room later; a page of ours tries again by itself."""

    status = 503


class Bounds:
    """Bounds that the uploads of one server share. Several threads may use them."""

    def __init__(self, max_bytes: int) -> None:
        """
        Args:
            max_bytes: bytes of one upload.
        """
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._arriving: Counter[str] = Counter()
        self._held: dict[str, tuple[int, int]] = {}
        """Bytes and characters of each upload, by its id."""

    def enter(self, owner: str) -> None:
        """Count a batch that begins to arrive.

        Raises:
            UploadsBusy: too many do already.
        """
        with self._lock:
            is_full = self._arriving.total() >= MOST_ARRIVING
            if is_full or self._arriving[owner] >= MOST_ARRIVING_EACH:
                raise UploadsBusy(
                    "Too many files are being sent at this moment. Try again in a few seconds."
                )
            self._arriving[owner] += 1

    def leave(self, owner: str) -> None:
        with self._lock:
            self._arriving[owner] -= 1
            # Without those who have left, the table stays small.
            if self._arriving[owner] <= 0:
                del self._arriving[owner]

    def hold(self, upload_id: str, n_bytes: int, n_characters: int) -> None:
        """Note the size of an upload.

        Raises:
            UploadTooLarge: its names are too long together.
            UploadsBusy: the uploads of everyone together are too large.
        """
        if n_characters > MOST_CHARACTERS_EACH:
            raise UploadTooLarge(
                f"The names of these files have more than {count(MOST_CHARACTERS_EACH)} characters "
                "together, which is the limit. Rename the folders, or send a zip."
            )
        with self._lock:
            others = [held for key, held in self._held.items() if key != upload_id]
            all_bytes = n_bytes + sum(held[0] for held in others)
            all_characters = n_characters + sum(held[1] for held in others)
            most = TIMES_ONE * self._max_bytes
            if all_bytes > most or all_characters > MOST_CHARACTERS:
                raise UploadsBusy(
                    f"Others are uploading, too, and together it is more than the {size(most)} "
                    "that this server takes at a time. Try again when they have finished."
                )
            self._held[upload_id] = (n_bytes, n_characters)

    def forget(self, upload_id: str) -> None:
        with self._lock:
            self._held.pop(upload_id, None)


class UploadRoom:
    """Folder in which all uploads have theirs, so that one lock of it serves them all."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._root = Path()
        self._n_open = 0

    def open(self) -> Path:
        """Make a folder.

        Raises:
            UploadRefused: the disk cannot be written to.
        """
        with self._lock, named_disk_errors():
            if not self._n_open:
                self._root = self._stack.enter_context(self._artifacts.staging_folder())
            self._n_open += 1
            folder = self._root / uuid.uuid4().hex
            try:
                folder.mkdir()
            except OSError:
                self._leave()
                raise
        return folder

    def close(self, folder: Path) -> None:
        """Delete a folder with all that is in it."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        self._n_open -= 1
        if not self._n_open:
            self._stack.close()
