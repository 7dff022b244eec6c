"""Sources from paths on this machine, for the command line and for folders on the server."""

import os
import zipfile
from pathlib import Path

from tl_core.data.file_types import HEAD_BYTES, name_archive
from tl_core.data.folders import FolderSource
from tl_core.data.unlinked import open_real
from tl_core.data.zips import ZipSource
from tl_core.errors import DatasetRefused


def source_from_path(path: Path) -> FolderSource | ZipSource:
    """Return the source for a zip file or a folder; links in the path itself are followed.

    Raises:
        DatasetRefused: the path is neither, does not exist, or may not be read.
    """
    if path.is_dir():
        return FolderSource(path)
    try:
        with open_real(Path(os.path.realpath(path))) as file:
            head = file.read(HEAD_BYTES)
            # Self-extracting archives begin with a program, damaged ones have no directory.
            is_zip = head.startswith(b"PK") or zipfile.is_zipfile(file)
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
