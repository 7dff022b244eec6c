"""Escaping of user text in Markdown, so that it is shown literally."""

import re
import string

from tl_core.text import isolated

# Control characters, line separators, and marks that change the direction of what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Markdown takes a backslash before any ASCII punctuation, so there is no need to know what is
# special.
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_LONGEST = 80


def plain(text: str) -> str:
    """Escape user text for Markdown, on one line of at most 80 characters."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _escape(isolated(_on_one_line(short))) or "(no name)"


def plain_sentence(text: str) -> str:
    """Escape a whole sentence that may quote user text."""
    return _escape(_on_one_line(text))


def _on_one_line(text: str) -> str:
    return " ".join(_UNSEEN.sub("\ufffd", text).split())


def _escape(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)
