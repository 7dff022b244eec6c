"""Where an export goes: what may be written over, how it is packed, and what a disk says to that."""

import errno
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.errors import ExportRefused

_AS_IT_IS = (".safetensors", ".onnx", ".pt", ".jpg", ".png", ".webp", ".gif")
"""Files that packing makes no smaller."""


def refuse_taken(target: Path) -> None:
    """Raises: ExportRefused: there is something already."""
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.exists() or target.is_symlink():
        raise ExportRefused(
            f"{target} is there already: name a folder that is not there yet, or is empty."
        )


def pack(folder: Path, target: Path) -> None:
    """A folder as a zip, which holds it under its own name."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            packing = zipfile.ZIP_STORED if path.suffix in _AS_IT_IS else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(folder.parent), packing)


@contextmanager
def disk_errors() -> Iterator[None]:
    """A disk that is full or may not be written to, as a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        denied = f"{error.strerror or error}: make the place writable, or choose another place"
        why = "the disk is full: free some space" if full else denied
        place = error.filename2 or error.filename  # of a rename, where to
        where = f" ({os.fsdecode(place)})" if place and not full else ""
        raise ExportRefused(
            f"The run could not be written, since {why}{where}. Nothing of it was kept."
        ) from error
