"""Question of an import to a person: which of several readings of the folders is right."""

import base64
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from tl_core.cancellation import Stop
from tl_core.data.choosing import Reading
from tl_core.data.decoders import get_decoders
from tl_core.data.sources import Entry, Listing
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.settings import Limits

WAIT_SECONDS = 3600.0
"""Longest wait for an answer; the upload stays on disk so long."""
MOST_CLASSES = 8
"""Classes of a reading that are shown with pictures."""
_SIDE = 96
"""Longest side of a picture, in pixels."""
_MOST_BYTES = 32 * 2**20
"""Size of a file above which it is not shown here; the import itself reads it."""


@dataclass(slots=True)
class Question:
    readings: Sequence[Reading]
    """Plausible readings; the likeliest comes first."""
    pictures: Mapping[int, str]
    """Addresses of small pictures, which hold the pixels themselves, by index of the file."""
    _answer: str | None = None
    _answered: threading.Event = field(default_factory=threading.Event)

    @property
    def is_answered(self) -> bool:
        return self._answered.is_set()

    def answer(self, level: str) -> None:
        """Choose a reading by its level; only the first answer counts."""
        is_known = any(level == reading.level for reading in self.readings)
        if is_known and not self.is_answered:
            self._answer = level
            self._answered.set()

    def wait(self, stop: Stop, seconds: float = WAIT_SECONDS) -> str:
        """Wait for the answer.

        Raises:
            Cancelled: the import was stopped meanwhile.
            DatasetRefused: nobody answered.
        """
        self._answered.wait(seconds)
        stop.check()
        if self._answer is None:
            raise DatasetRefused(
                "Nobody chose which folders are the classes within an hour, so nothing was "
                "imported. Send the images again."
            )
        return self._answer

    def wake(self) -> None:
        """End the wait without an answer, for an import that was stopped."""
        self._answered.set()


def make_question(readings: Sequence[Reading], listing: Listing, limits: Limits) -> Question:
    """Return the question with small pictures of the first classes of each reading."""
    shown = {
        example.index
        for reading in readings
        for name in list(reading.counts)[:MOST_CLASSES]
        for example in reading.examples[name]
    }
    pictures = {index: _picture(listing.entries[index], limits) for index in sorted(shown)}
    return Question(readings, {index: src for index, src in pictures.items() if src})


def _picture(entry: Entry, limits: Limits) -> str:
    """Return the address of a small picture of an image; "" if it cannot be read."""
    content = BytesIO()
    try:
        for chunk in entry.read():
            content.write(chunk)
            if content.tell() > _MOST_BYTES:
                return ""
        content.seek(0)
        picture = get_decoders().encode(content, limits.max_pixels, _SIDE, "WEBP", quality=80)
    # The import, which reads the file again, says what is wrong with it.
    except ImageUnusable:
        return ""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
