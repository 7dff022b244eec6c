"""Limits on the bytes of an import, counted as they are unpacked; headers are not trusted."""

from threading import Lock

from tl_core.data.names import clean_text
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.settings import Limits
from tl_core.text import shorten


class Meter:
    """Byte counter shared by the threads of one import.

    It is what stops a zip bomb. How far a file unpacks is no sign of one: a line drawing of a
    megabyte packs into a kilobyte.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self.total = 0

    def add(self, n: int, file_bytes: int, name: str) -> None:
        """Count a chunk of a file.

        Args:
            n: bytes of the chunk.
            file_bytes: bytes of the file read so far, this chunk included.
            name: the file's name. User text.

        Raises:
            DatasetRefused: the dataset is too large.
            ImageUnusable: this file is too large.
        """
        # `+=` is not atomic: another thread could count between its read and its write.
        with self._lock:
            self.total += n
            total = self.total
        if total > self._limits.max_bytes:
            raise DatasetRefused(
                f"The dataset is larger than {_size(self._limits.max_bytes)} unpacked, which is "
                f'the limit; it was reached at "{shorten(clean_text(name))}". Take out large files '
                "or a part of the images."
            )
        refuse_large(file_bytes, self._limits)


def refuse_large(file_bytes: int, limits: Limits) -> None:
    """Check the size of one file.

    Raises:
        ImageUnusable: it is too large.
    """
    if file_bytes > limits.max_file_bytes:
        raise ImageUnusable(
            f"It is larger than {_size(limits.max_file_bytes)}, which is the limit of one file."
        )


def _size(n: int) -> str:
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if n >= unit:
            return f"{n / unit:.4g} {name}"
    return f"{n} bytes"
