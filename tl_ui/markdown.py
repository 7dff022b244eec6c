"""Escaping of user text where Streamlit renders Markdown."""

import re
import string

from tl_core.text import isolated, visible

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
# Streamlit turns these into links, emoji, icons and arrows after it has removed Markdown's
# backslashes, so that escaping does not stop it.
_LATE = re.compile(r"(?<=[:@<\->=])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
"""Word joiner: no width, no line break."""
_RANGE = re.compile(r"(?<=\d)–(?=\d)")
_BEFORE_PERCENT = re.compile(r"(?<=\d) (?=\\?%)")
"""Space before a percent sign, which may be escaped."""


def literal(text: str) -> str:
    """Escape user text for a Streamlit command that renders Markdown, on one line."""
    # A line break could begin a heading or a list.
    one_line = isolated(" ".join(visible(text).split()))
    # Joiners come first: once escaped, `www.` is no longer found.
    return _PUNCTUATION.sub(r"\\\1", _LATE.sub(_JOINER, one_line))


def whole_figures(text: str) -> str:
    """Keep each percentage, and each range such as `56–98 %`, on one line of a narrow page."""
    joined = _RANGE.sub(f"{_JOINER}–{_JOINER}", text)
    return _BEFORE_PERCENT.sub("\N{NO-BREAK SPACE}", joined)
