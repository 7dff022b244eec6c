"""Names as people and archives give them: made safe to keep as text, and never turned into a path."""

import re
import unicodedata

from tl_core.errors import UnsafeArchive
from tl_core.text import shorten

Parts = tuple[str, ...]
"""A name split at its slashes: folders, then the file."""

MAX_DEPTH = 64
"""Folders inside each other; more is an attack or an accident, and costs memory squared."""

_JUNK = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")


def is_junk(parts: Parts) -> bool:
    """True for what operating systems and tools leave behind: `__MACOSX`, `.DS_Store`, `Thumbs.db`, dot-folders."""
    return any(part.startswith(".") or part.casefold() in _JUNK for part in parts)


def safe_parts(name: str) -> Parts:
    """Split a name that someone else chose.

    Raises:
        UnsafeArchive: it points outside, is absolute, or is no plain name.
    """
    shown = shorten(clean_text(name))
    if "\0" in name:
        raise UnsafeArchive(f'"{shown}" has a zero character in its name. Rename it and try again.')
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        raise UnsafeArchive(
            f'"{shown}" is an absolute path; names must be relative, such as cats/1.jpg.'
        )
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
    """Text that every store can keep: names that were not UTF-8 get replacement characters, NUL goes."""
    return _UNKEEPABLE.sub("\ufffd", text)


def class_name(text: str) -> str:
    """A folder's name as a class: one spelling of accents, no outer spaces, otherwise untouched."""
    return unicodedata.normalize("NFC", clean_text(text)).strip()


def quoted(names: list[str], limit: int = 5) -> str:
    """A short list for a sentence: "a", "b" and 3 more."""
    shown = ", ".join(f'"{shorten(name, 60)}"' for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
