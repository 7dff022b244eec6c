"""Small real file systems for tests about full and read-only disks."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory on `folder`; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not _is_root() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this account may not mount a file system")
    try:
        yield folder
    finally:
        # Lazily: what a test has left open must not keep it mounted.
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _is_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def remount(folder: Path, mode: str) -> None:
    """Make a mounted file system read-only (`ro`) or writable (`rw`)."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to its last byte, and return the file that does."""
    path = folder / "somebody-elses.file"
    block = bytes(64 * 1024)
    with path.open("ab", buffering=0) as file:
        while len(block) > 1:
            try:
                # Unbuffered, so that a short write is seen and the rest goes on in smaller steps.
                while file.write(block) == len(block):
                    pass
            except OSError:
                pass
            block = block[: len(block) // 4]
    return path
