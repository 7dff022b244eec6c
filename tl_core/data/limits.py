"""Counts the bytes that really come in, against the limits."""

from threading import Lock

from tl_core.errors import DatasetRefused, ImageUnusable, UnsafeArchive
from tl_core.settings import Limits

ENTRY_FLOOR_BYTES = 2**20
ARCHIVE_FLOOR_BYTES = 16 * 2**20
"""Below these a high ratio does no harm; small flat drawings reach one honestly."""


class Meter:
    """Shared by the threads of one ingest.

    Args:
        packed: bytes of the whole archive, where there is one.
    """

    def __init__(self, limits: Limits, packed: int | None = None) -> None:
        self._limits = limits
        self._packed = packed
        self._lock = Lock()
        self.total = 0

    def add(self, n: int, file_bytes: int, packed: int | None = None) -> None:
        """Count a chunk of `n` bytes of a file of which `file_bytes` came in so far, out of `packed` bytes.

        Raises:
            UnsafeArchive: the archive unpacks like a bomb.
            DatasetRefused: the dataset is too large.
            ImageUnusable: this one file is too large.
        """
        with self._lock:
            self.total += n
            total = self.total
        ratio = self._limits.max_ratio
        if packed is not None and file_bytes > max(ENTRY_FLOOR_BYTES, ratio * packed):
            raise UnsafeArchive(
                f"A file in the zip unpacks to more than {ratio} times its size: a zip bomb."
            )
        if self._packed is not None and total > max(ARCHIVE_FLOOR_BYTES, ratio * self._packed):
            raise UnsafeArchive(f"The zip unpacks to more than {ratio} times its size: a zip bomb.")
        if total > self._limits.max_bytes:
            raise DatasetRefused(
                f"The dataset is larger than {_size(self._limits.max_bytes)} unpacked, which is the limit."
            )
        if file_bytes > self._limits.max_file_bytes:
            raise ImageUnusable(
                f"It is larger than {_size(self._limits.max_file_bytes)}, which is the limit of one file."
            )


def _size(n: int) -> str:
    unit, name = next(
        ((u, s) for u, s in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")) if n >= u), (1, "bytes")
    )
    return f"{n / unit:.4g} {name}"
