"""Room for elements that are still loading, so that what follows them does not jump."""

import math
import re
from collections.abc import Sequence

import streamlit as st

_PHONE = 640
"""Widest window of a phone, in pixels."""
_WIDE = 864
"""Narrowest window in which Streamlit gives a page its wide margins, in pixels."""
_MOST_COLUMNS = 12
_GAP = 12
"""Distance of a gallery's images, in pixels."""
_LINE = 19
"""Height of a line of a caption, in pixels."""
_LETTER = 7
"""Width of an average letter of a caption, in pixels."""


def keep_room(key: str, height: int, narrow: int | None = None) -> None:
    """Give the element of this key a least height.

    Args:
        height: in pixels.
        narrow: the same on a phone; None for no other.
    """
    phone = height if narrow is None else narrow
    css_class = _css_class(key)
    st.html(
        f"<style>{css_class} {{ min-height: {height}px; }} @media (max-width: {_PHONE}px) {{ "
        f"{css_class} {{ min-height: {phone}px; }} }}</style>"
    )


def keep_room_for_gallery(key: str, captions: Sequence[Sequence[int]], side: int) -> None:
    """Give a gallery as wide as the page about the height that it will have.

    Args:
        captions: for each image, the lengths of the paragraphs of its caption, in characters.
        side: minimum width of an image, in pixels, as in `gallery_html`.
    """
    rules = [
        f"@media (min-width: {width}px) {{ {_css_class(key)} {{ min-height: {height}; }} }}"
        for width, height in _gallery_heights(captions, side)
    ]
    st.html(f"<style>{' '.join(rules)}</style>")


def _gallery_heights(captions: Sequence[Sequence[int]], side: int) -> list[tuple[int, str]]:
    """Return the height of a gallery, in CSS, from each width of the window on, in pixels."""
    heights = []
    for columns in range(1, _MOST_COLUMNS + 1):
        images = columns * side + (columns - 1) * _GAP
        # The window in which so many columns just fit, with the margins that it has.
        window = images + 32 if images + 32 < _WIDE else max(images + 160, _WIDE)
        margins = 160 if window >= _WIDE else 32
        per_line = side // _LETTER
        rows = [captions[i : i + columns] for i in range(0, len(captions), columns)]
        lines = sum(max(sum(math.ceil(n / per_line) for n in each) for each in row) for row in rows)
        fixed = lines * _LINE + len(rows) * (4 + _GAP) - _GAP
        width = f"(100vw - {margins + (columns - 1) * _GAP}px) / {columns}"
        heights.append((window, f"calc({len(rows)} * {width} + {fixed}px)"))
    return heights


def _css_class(key: str) -> str:
    # Streamlit makes a class of the key, with a hyphen for every other character.
    return ".st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key)
