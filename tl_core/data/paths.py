"""Sources from paths on this machine, for the command line and for folders on the server."""

import zipfile
from pathlib import Path

from tl_core.data.file_types import HEAD_BYTES, name_archive
from tl_core.data.sources import FolderSource, Source
from tl_core.data.zips import ZipSource
from tl_core.errors import DatasetRefused


def source_from_path(path: Path) -> Source:
    """Return the source for a zip file or a folder.

    Raises:
        DatasetRefused: the path is neither, does not exist, or may not be read.
    """
    if path.is_dir():
        return FolderSource(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
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
    archive = name_archive(head)
    return f"{archive}. Unpack it first" if archive else "neither a folder nor a zip file"
