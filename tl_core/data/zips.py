"""Untrusted zip archives: headers are checked and never believed, names never become paths."""

import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.data.names import clean_text, is_junk, safe_parts
from tl_core.data.sources import CHUNK_BYTES, Entry, Listing
from tl_core.errors import DatasetRefused, ImageUnusable, UnsafeArchive
from tl_core.settings import Limits
from tl_core.text import shorten

# Flag bits 0 (encrypted), 6 (strongly encrypted) and 13 (encrypted directory).
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_LOCAL_HEADER_BYTES = 30
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that can be read safely: for bzip2 and LZMA, zipfile unpacks a whole chunk
at once, so that 64 KB could become gigabytes of memory."""


class ZipSource:
    kind = "zip"

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        with _open_archive(self._path, limits) as archive:
            _refuse_overlaps(archive)
            yield _list(archive, self._path.stat().st_size, limits)


def _open_archive(path: Path, limits: Limits) -> zipfile.ZipFile:
    try:
        _refuse_huge_directory(path, limits)
        return zipfile.ZipFile(path)
    except DatasetRefused:
        raise
    except UnicodeDecodeError as error:
        raise UnsafeArchive(
            "A file name in the zip is not valid text. Pack the folder again."
        ) from error
    except Exception as error:
        # Besides BadZipFile, zipfile raises struct.error, ValueError, IndexError and more.
        raise UnsafeArchive(
            "This is not a zip file, or it is damaged or cut off. Pack the folder again."
        ) from error


def _refuse_huge_directory(path: Path, limits: Limits) -> None:
    """Refuse a table of contents that is too large, before zipfile makes an object per entry."""
    # The end record (at most 65,557 bytes with its comment) and the zip64 records before it (76).
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_557 - 76))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - 18))
    if end < 0:
        return
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


def _list(archive: zipfile.ZipFile, packed: int, limits: Limits) -> Listing:
    listing = Listing(packed=packed)
    for info in archive.infolist():
        _refuse_unsafe(info)
        parts = safe_parts(_name(info))
        if not parts or is_junk(parts):
            continue
        if info.is_dir():
            listing.folders.append(parts)
        else:
            listing.add(Entry(parts, _reader(archive, info), info.compress_size), limits)
    return listing


def _name(info: zipfile.ZipInfo) -> str:
    # Not `filename`, which zipfile cuts at a NUL and in which it replaces backslashes on Windows.
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    # macOS writes UTF-8 without setting the flag, and zipfile then decodes it as cp437.
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _refuse_unsafe(info: zipfile.ZipInfo) -> None:
    shown = shorten(clean_text(info.orig_filename))
    if info.flag_bits & _ENCRYPTED:
        raise UnsafeArchive(
            f'"{shown}" in the zip is encrypted. Pack the folder again without a password.'
        )
    # The upper 16 bits hold the Unix mode; archives from other systems have 0 there.
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise UnsafeArchive(f'"{shown}" in the zip is a link. Pack the files themselves.')
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(f'"{shown}" in the zip is neither a file nor a folder.')


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        if info.compress_type not in _READABLE:
            raise ImageUnusable(
                "It is packed with an unusual method. Pack the folder again as an ordinary zip."
            )
        try:
            # Several threads may read one archive: zipfile locks the shared file.
            with archive.open(info) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
        except Exception as error:
            # On damaged data, zipfile and zlib raise errors of many kinds.
            raise ImageUnusable(
                "It is damaged inside the zip (its checksum or size is wrong)."
            ) from error

    return read
