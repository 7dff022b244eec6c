"""Table of contents of an untrusted zip, checked before any of its entries is read."""

import os
import struct
import zipfile
from typing import BinaryIO, cast

from tl_core.data.file_types import HEAD_BYTES, ZIP_ARCHIVE, name_archive
from tl_core.data.zip_names import unflagged_directory, unflagged_header
from tl_core.errors import DatasetRefused, UnsafeArchive
from tl_core.settings import Limits

_LOCAL_HEADER_BYTES = 30
_SPLIT = (
    "This is one part of a zip that was split into several. Join them with the program that made "
    "them, or pack the folder again as one zip."
)


def open_archive(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """Open a zip whose table of contents can be trusted to be one.

    Raises:
        UnsafeArchive: it is no zip, damaged, a part of one, or its entries overlap.
        DatasetRefused: it has too many entries.
    """
    try:
        _check_end_record(file, limits)
        archive = _list_contents(file)
    except DatasetRefused:
        raise
    except Exception as error:
        # Besides BadZipFile, zipfile raises struct.error, ValueError, IndexError and more.
        raise UnsafeArchive(_why_no_zip(file)) from error
    _refuse_overlaps(archive)
    return archive


def _list_contents(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except UnicodeDecodeError:
        mended = _WithoutFlags(file)
        # A `ZipFile` needs nothing of a file but what `_WithoutFlags` has.
        archive = zipfile.ZipFile(cast(BinaryIO, mended))
        mended.headers = {info.header_offset for info in archive.infolist()}
        return archive


class _WithoutFlags:
    """File of a zip whose names do not say that they are in UTF-8.

    zipfile gives up on the whole zip if a single name says so wrongly.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable
        self.headers: set[int] | None = None
        """Offsets of the headers in front of the files; None while the contents are listed."""

    def read(self, n: int = -1) -> bytes:
        place = self._file.tell()
        content = self._file.read(n)
        if self.headers is None:
            # zipfile reads the whole table of contents at once.
            return unflagged_directory(content)
        # Only headers, since a file's content may look like one.
        return unflagged_header(content) if place in self.headers else content


def _why_no_zip(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(b"PK\x07\x08"):
        return _SPLIT
    archive = name_archive(head)
    if archive not in (None, ZIP_ARCHIVE):
        return f"This is not a zip file but {archive}. Unpack it and give the folder."
    return "This is not a zip file, or it is damaged or cut off. Pack the folder again."


def _check_end_record(file: BinaryIO, limits: Limits) -> None:
    """Refuse a part of a split zip, and a table of contents that is too large.

    The latter has to happen before zipfile makes an object per entry.
    """
    # The end record (at most 65,557 bytes with its comment) and the zip64 records before it (76).
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557 - 76))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - 18))
    if end < 0:
        return
    disk: int = struct.unpack_from("<H", tail, end + 4)[0]
    if disk not in (0, 0xFFFF):
        raise UnsafeArchive(_SPLIT)
    directory_bytes: int = struct.unpack_from("<I", tail, end + 12)[0]
    if directory_bytes == 0xFFFFFFFF and (end64 := tail.rfind(b"PK\x06\x06", 0, end)) >= 0:
        directory_bytes = struct.unpack_from("<Q", tail, end64 + 40)[0]
    # An entry has at least 46 bytes; 512 leave room for long names.
    if min(directory_bytes, size) > limits.max_files * 512 + 65_536:
        raise DatasetRefused(
            f"There are more than {limits.max_files:,} files; that is the limit of one dataset."
        )


def _refuse_overlaps(archive: zipfile.ZipFile) -> None:
    """Refuse entries that share bytes, with which a small zip can unpack to petabytes."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise UnsafeArchive("Files in the zip overlap; it is damaged or a zip bomb.")
        # At least so many bytes: the name and the extra field come on top.
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
    if end > archive.start_dir:
        raise UnsafeArchive(
            "The zip is damaged: a file in it runs past its end. Pack the folder again."
        )
