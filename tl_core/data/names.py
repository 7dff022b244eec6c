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


def is_junk(parts: Parts) -> bool:
    """Check for files of operating systems and tools: `__MACOSX`, `Thumbs.db`, dot-folders."""
    return any(part.startswith(".") or part.casefold() in _JUNK for part in parts)


def safe_parts(name: str) -> Parts:
    """Split an untrusted file name at its slashes.

    A drive or a slash in front means nothing here, since names never become paths: "C:" is a folder
    like any other, and so is "A: good".

    Raises:
        UnsafeArchive: the name points outside, or is nested too deeply.
    """
    shown = shorten(clean_text(name))
    # Backslashes count as well: what they hide must not be told from a folder later.
    if ".." in re.split(r"[/\\]", name):
        raise UnsafeArchive(f'"{shown}" points outside the dataset (..); nothing was taken in.')
    parts = tuple(clean_text(part) for part in name.split("/") if part not in ("", "."))
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
