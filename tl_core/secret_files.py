"""Secrets in files that only their owner may read, made once and then kept."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tl_core import files
from tl_core.locks import hold_lock

SECRET_BYTES = 32
"""Bytes of a secret that nobody can guess."""


def make_secret() -> bytes:
    """Make `SECRET_BYTES` random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def read_or_create(path: Path, make: Callable[[], bytes], *, shortest: int) -> bytes:
    """Return the secret of a file; make it where there is none, or only a part of one.

    Several processes may ask at once: all get the same secret.

    Args:
        make: makes a secret of at least `shortest` bytes.
        shortest: number of bytes below which a file counts as damaged.

    Raises:
        OSError: the file cannot be read or written.
    """
    known = _read(path)
    if len(known) < shortest:
        with hold_lock(path.parent / "locks" / f"{path.name}.lock"):
            # Another process may have made it in the meantime.
            known = _read(path)
            if len(known) < shortest:
                known = make()
                write_private(path, known)
    # An older release or a copy may have left it open to others.
    files.make_private(path)
    return known


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one that only its owner may read, also while it is written.

    Raises:
        OSError: the disk refuses.
    """
    files.write_whole(path, content, is_private=True)


def _read(path: Path) -> bytes:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""
