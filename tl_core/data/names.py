"""File names from users and archives: made safe to store as text and never used as paths."""

import re
import unicodedata

from tl_core.errors import UnsafeArchive
from tl_core.text import shorten

Parts = tuple[str, ...]
"""File name split at its slashes: folders, then the file."""

MAX_DEPTH = 64
"""Limit on nested folders: memory grows with the square of the depth."""

_JUNK = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")


def is_junk(parts: Parts) -> bool:
    """Check for files of operating systems and tools: `__MACOSX`, `Thumbs.db`, dot-folders."""
    return any(part.startswith(".") or part.casefold() in _JUNK for part in parts)


def safe_parts(name: str) -> Parts:
    """Split an untrusted file name.

    Raises:
        UnsafeArchive: the name is absolute, points outside, or contains NUL or a backslash.
    """
    shown = shorten(clean_text(name))
    if "\0" in name:
        raise UnsafeArchive(f'"{shown}" has a zero character in its name. Rename it and try again.')
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        raise UnsafeArchive(
            f'"{shown}" is an absolute path; names must be relative, such as cats/1.jpg.'
        )
    # A backslash separates folders on Windows and could hide a path from other checks.
    if "\\" in name:
        raise UnsafeArchive(
            f'"{shown}" has a backslash in its name; names must use forward slashes. Pack it again.'
        )
    parts = tuple(clean_text(part) for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise UnsafeArchive(f'"{shown}" points outside the dataset (..); nothing was taken in.')
    if len(parts) > MAX_DEPTH:
        raise UnsafeArchive(f'"{shown}" is nested more than {MAX_DEPTH} folders deep.')
    return parts


def clean_text(text: str) -> str:
    """Replace NUL and invalid UTF-8, which databases refuse, by the replacement character."""
    return _UNKEEPABLE.sub("\ufffd", text)


def class_name(text: str) -> str:
    """Turn a folder's name into a class: Unicode NFC, without spaces at the ends."""
    # macOS decomposes accented letters, which would make a second class of the same name.
    return unicodedata.normalize("NFC", clean_text(text)).strip()


def quoted(names: list[str], limit: int = 5) -> str:
    """List names for a sentence, such as `"a", "b" and 3 more`."""
    shown = ", ".join(f'"{shorten(name, 60)}"' for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
