"""Untrusted zip archives: headers are checked and never believed, names never become paths."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.data.links import LEADS_NOWHERE, LEADS_OUT, read_elsewhere
from tl_core.data.names import Parts, clean_text, is_junk, safe_parts
from tl_core.data.sources import CHUNK_BYTES, Entry, Listing
from tl_core.data.unlinked import open_real
from tl_core.data.zip_directory import open_archive
from tl_core.data.zip_names import read_names
from tl_core.errors import DatasetRefused, ImageUnusable, UnsafeArchive
from tl_core.records import SkippedFile
from tl_core.settings import Limits
from tl_core.text import shorten

# Flag bits 0 (encrypted), 6 (strongly encrypted) and 13 (encrypted directory).
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that can be read safely: for bzip2 and LZMA, zipfile unpacks a whole chunk
at once, so that 64 KB could become gigabytes of memory."""
_MOST_LINKS = 8
"""Number of links that may lead to one another."""
_LONGEST_TARGET = 4096


class ZipSource:
    kind = "zip"

    def __init__(self, path: Path) -> None:
        # Resolved at once: whoever has checked this path may rely on it when it is opened later.
        self.path = Path(os.path.realpath(path))

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        try:
            file = open_real(self.path)
        except OSError as error:
            raise DatasetRefused(f"The zip cannot be read: {error.strerror}.") from error
        with file, open_archive(file, limits) as archive:
            yield _Contents(archive).list(limits)


class _Contents:
    """Files of an archive by their names, with links to one another."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._files: dict[Parts, zipfile.ZipInfo] = {}
        self._folders: set[Parts] = set()

    def list(self, limits: Limits) -> Listing:
        listing = Listing()
        read = read_names(self._archive.infolist())
        listing.notes += [read.note] if read.note else []
        for info, name in zip(self._archive.infolist(), read.names, strict=True):
            _refuse_encrypted(info, name)
            parts = safe_parts(name)
            if name.endswith("/"):
                listing.folders += [parts] if parts and not is_junk(parts) else []
            elif parts:
                if parts in self._files:
                    reason = "The zip holds this name more than once; the last file is taken."
                    listing.skipped.append(SkippedFile("/".join(parts), reason))
                self._files[parts] = info
        self._folders = {parts[:depth] for parts in self._files for depth in range(len(parts))}
        for parts, info in self._files.items():
            if not is_junk(parts):
                self._add(parts, info, listing, limits)
        return listing

    def _add(self, parts: Parts, info: zipfile.ZipInfo, listing: Listing, limits: Limits) -> None:
        found = self._follow(parts) if _kind(info) == stat.S_IFLNK else info
        if isinstance(found, str):
            listing.skipped.append(SkippedFile("/".join(parts), found))
        elif _kind(found) not in (0, stat.S_IFREG):
            reason = "It is neither a file nor a folder."
            listing.skipped.append(SkippedFile("/".join(parts), reason))
        else:
            listing.add(Entry(parts, _reader(self._archive, found)), limits)

    def _follow(self, parts: Parts) -> zipfile.ZipInfo | str:
        """Return the file to which a link leads, or the reason why it is left out."""
        for _ in range(_MOST_LINKS):
            try:
                target = _target(parts, self._read_target(self._files[parts]))
            except ImageUnusable:
                return LEADS_NOWHERE
            if target is None:
                return LEADS_OUT
            if target in self._folders:
                return read_elsewhere(target)
            if target not in self._files:
                return LEADS_NOWHERE
            if _kind(self._files[target]) != stat.S_IFLNK:
                return self._files[target]
            parts = target
        return LEADS_NOWHERE

    def _read_target(self, link: zipfile.ZipInfo) -> str:
        """Read what a link's entry holds: the path to which it leads."""
        chunk = next(_reader(self._archive, link)(), b"")
        return chunk[:_LONGEST_TARGET].decode("utf-8", "replace")


def _target(link: Parts, text: str) -> Parts | None:
    """Return where a link leads in the archive, or None if it leads out of it."""
    if text.startswith("/"):
        return None
    path = list(link[:-1])
    for part in text.split("/"):
        if part == "..":
            if not path:
                return None
            path.pop()
        elif part not in ("", "."):
            path.append(clean_text(part))
    return tuple(path)


def _kind(info: zipfile.ZipInfo) -> int:
    # The upper 16 bits hold the Unix mode; archives from other systems have 0 there.
    return stat.S_IFMT(info.external_attr >> 16)


def _refuse_encrypted(info: zipfile.ZipInfo, name: str) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise UnsafeArchive(
            f'"{shorten(clean_text(name))}" in the zip is encrypted. Pack the folder again without '
            "a password."
        )


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
