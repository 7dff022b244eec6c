"""Sources from paths on this machine, for the command line and for folders on the server."""

import zipfile
from pathlib import Path

from tl_core.data.sources import FolderSource, Source
from tl_core.data.zips import ZipSource
from tl_core.errors import DatasetRefused

_OTHER_ARCHIVES = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
# A tar archive's magic word is at offset 257.
_HEAD_BYTES = 512


def source_from_path(path: Path) -> Source:
    """Return the source for a zip file or a folder.

    Raises:
        DatasetRefused: the path is neither, does not exist, or may not be read.
    """
    if path.is_dir():
        return FolderSource(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        # Self-extracting archives begin with a program, damaged ones have no directory.
        is_zip = head.startswith(b"PK") or zipfile.is_zipfile(path)
    except (OSError, ValueError) as error:
        # A path with a NUL character raises ValueError.
        reason = getattr(error, "strerror", None) or "it is not a possible path"
        raise DatasetRefused(f'"{path}" cannot be read: {reason}.') from error
    if not is_zip:
        raise DatasetRefused(
            f'"{path.name}" is {_name_kind(head)}. Give a zip file, or a folder of class folders.'
        )
    return ZipSource(path)


def _name_kind(head: bytes) -> str:
    if not head:
        return "empty (0 bytes)"
    if head[257:262] == b"ustar":
        return "a tar archive"
    kinds = (kind for magic, kind in _OTHER_ARCHIVES.items() if head.startswith(magic))
    return next(kinds, "neither a folder nor a zip file")
