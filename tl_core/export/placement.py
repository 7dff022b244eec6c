"""Target of an export: check that it is free, packing, and errors of the disk."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.errors import ExportRefused
from tl_core.files import DISK_FULL

_INCOMPRESSIBLE = (".safetensors", ".onnx", ".pt", ".jpg", ".png", ".webp", ".gif")
"""Suffixes of files that deflating makes no smaller."""


def refuse_taken(target: Path) -> None:
    """Check that the target does not exist or is an empty folder.

    Raises:
        ExportRefused: it is taken.
    """
    if target.is_dir() and not any(target.iterdir()):
        return
    # A broken link does not exist for `exists`, which follows it.
    if target.exists() or target.is_symlink():
        raise ExportRefused(
            f"{target} is there already: choose a folder that does not exist yet or is empty."
        )


def pack(folder: Path, target: Path) -> None:
    """Pack a folder as a zip file, which holds it under its own name."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in list_files(folder):
            # Deflating weights takes long and saves almost nothing.
            is_stored = path.suffix in _INCOMPRESSIBLE
            compression = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(folder.parent), compression)


def list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn errors of the disk into `ExportRefused`."""
    try:
        yield
    except OSError as error:
        raise ExportRefused(
            f"The run could not be written: {_reason(error)}. Nothing was written."
        ) from error


def _reason(error: OSError) -> str:
    if error.errno in DISK_FULL:
        return "the disk is full. Free some space"
    reason = f"{error.strerror or error}. Make the folder writable, or choose another one"
    # A rename names its source first and its target second.
    path = error.filename2 or error.filename
    return f"{reason} ({os.fsdecode(path)})" if path else reason
