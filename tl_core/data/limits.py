"""Limits on the bytes of an import, counted as they are unpacked; headers are not trusted."""

from threading import Lock

from tl_core.errors import DatasetRefused, ImageUnusable, UnsafeArchive
from tl_core.settings import Limits

ENTRY_FLOOR_BYTES = 2**20
ARCHIVE_FLOOR_BYTES = 16 * 2**20
"""Unpacked sizes below which a high compression ratio is harmless: flat drawings compress well."""


class Meter:
    """Byte counter shared by the threads of one import.

    Args:
        packed: bytes of the whole archive, if there is one.
    """

    def __init__(self, limits: Limits, packed: int | None = None) -> None:
        self._limits = limits
        self._packed = packed
        self._lock = Lock()
        self.total = 0

    def add(self, n: int, file_bytes: int, packed: int | None = None) -> None:
        """Count a chunk of a file.

        Args:
            n: bytes of the chunk.
            file_bytes: bytes of the file read so far, this chunk included.
            packed: bytes of the file in its archive.

        Raises:
            UnsafeArchive: the archive's compression ratio is that of a zip bomb.
            DatasetRefused: the dataset is too large.
            ImageUnusable: this file is too large.
        """
        # `+=` is not atomic: another thread could count between its read and its write.
        with self._lock:
            self.total += n
            total = self.total
        # The ratio is limited for each file, too: a single bomb could hide in a large archive.
        ratio = self._limits.max_ratio
        if packed is not None and file_bytes > max(ENTRY_FLOOR_BYTES, ratio * packed):
            raise UnsafeArchive(
                f"A file in the zip unpacks to more than {ratio} times its size: a zip bomb."
            )
        if self._packed is not None and total > max(ARCHIVE_FLOOR_BYTES, ratio * self._packed):
            raise UnsafeArchive(f"The zip unpacks to more than {ratio} times its size: a zip bomb.")
        if total > self._limits.max_bytes:
            raise DatasetRefused(
                f"The dataset is larger than {_size(self._limits.max_bytes)} unpacked, which is "
                "the limit."
            )
        if file_bytes > self._limits.max_file_bytes:
            raise ImageUnusable(
                f"It is larger than {_size(self._limits.max_file_bytes)}, which is the limit of "
                "one file."
            )


def _size(n: int) -> str:
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if n >= unit:
            return f"{n / unit:.4g} {name}"
    return f"{n} bytes"
