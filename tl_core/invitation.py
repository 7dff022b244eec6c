"""Invitation into a class: the addresses for students and for the teacher, and their secret."""

import secrets
from pathlib import Path
from urllib.parse import urlencode

from tl_core.secret_files import read_or_create

_SHORTEST = 40
"""Characters of a whole secret: 32 random bytes, as text for addresses."""


def teacher_secret(home: Path) -> str:
    """Return the secret with which a teacher signs in; the home folder keeps it.

    Raises:
        OSError: it cannot be read or written.
    """
    file = home / "teacher.secret"
    return read_or_create(file, _make, shortest=_SHORTEST).decode("ascii", "replace").strip()


def join_address(base: str) -> str:
    """Return the address at which students join.

    Args:
        base: address of the app, such as `https://192.168.1.5:8501`.
    """
    return f"{base}/join"


def teacher_address(base: str, secret: str) -> str:
    """Return the address that signs the teacher in."""
    return f"{base}/teacher?{urlencode({'secret': secret})}"


def _make() -> bytes:
    return secrets.token_urlsafe(32).encode()
