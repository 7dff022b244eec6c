"""Shapes of the network picture as SVG: stages, bands, icons and text."""

import math

from tl_core.charts import FROZEN, TRAINABLE
from tl_core.text import html_text

_TOP = 34
"""Vertical position of the line above the stages of the row."""


def svg(layout: str, width: float, height: float, content: str) -> str:
    # Row and column are both in the page, and ids must be unique.
    hatch = (
        f'<defs><pattern id="tl-hatch-{layout}" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        '<path d="M0 0V7" stroke="#fff" stroke-width="2.4" opacity=".55"/></pattern></defs>'
    )
    start = (
        f'<svg class="{layout}" viewBox="0 0 {width:g} {height:g}" role="img" fill="currentColor">'
    )
    return f"{start}{hatch}{content}</svg>"


def block(x: float, y: float, width: float, height: float, *, layout: str, state: str) -> str:
    """Draw a stage; the pattern of the `layout` marks its frozen part: all of it, or half."""
    place = f'x="{x:.1f}" y="{y:.1f}" height="{height:.1f}" rx="4"'
    # Hatched as well as coloured, for readers who cannot tell the colours apart.
    hatch = f'fill="url(#tl-hatch-{layout})"'
    if state == "frozen":
        area = f'{place} width="{width:.1f}"'
        return f'<rect {area} fill="{FROZEN}"/><rect {area} {hatch}/>'
    box = f'<rect {place} width="{width:.1f}" fill="{TRAINABLE}"/>'
    if state == "trains":
        return box
    half = f'{place} width="{width / 2:.1f}"'
    return f'{box}<rect {half} fill="{FROZEN}"/><rect {half} {hatch}/>'


def band(start: float, end: float, word: str, colour: str) -> str:
    """Draw a labelled line above the stages that are all frozen or all trained."""
    stroke = f'stroke="{colour}" stroke-width="4" stroke-linecap="round"'
    line = f'<path d="M{start:.1f} {_TOP}H{end:.1f}" {stroke}/>'
    return line + tag((start + end) / 2, _TOP - 12, word, colour, anchor="middle")


def tag(x: float, y: float, word: str, colour: str, anchor: str = "end") -> str:
    """Write a word with its icon."""
    left = x - (64 if anchor == "end" else 41)
    if word == "frozen":
        icon = _lock_icon(left, y - 12, colour)
    else:
        icon = _update_icon(left, y - 11, colour)
    return label(x, y, word, weight=600, anchor=anchor) + icon


def _lock_icon(x: float, y: float, colour: str) -> str:
    return (
        f'<g transform="translate({x:.1f} {y:.1f})">'
        f'<path d="M2.5 6V4a2.5 2.5 0 0 1 5 0V6" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        f'<rect y="6" width="10" height="7.5" rx="1.5" fill="{colour}"/></g>'
    )


def _update_icon(x: float, y: float, colour: str) -> str:
    """Draw a circular arrow: weights that are updated again and again."""
    return (
        f'<path transform="translate({x:.1f} {y:.1f})" d="M10 6a4.5 4.5 0 1 1-1.6-3.4M9 0v3.2H5.8" '
        f'fill="none" stroke="{colour}" stroke-width="1.7"/>'
    )


def handle(line: str, x: float, y: float, grip: str, radius: int = 12) -> str:
    """Draw the boundary between frozen and trained stages."""
    return (
        f'<path d="{line}" stroke="currentColor" stroke-width="1.5" stroke-dasharray="4 4"/>'
        f'<g transform="translate({x:.1f} {y:.1f})">'
        f'<circle r="{radius}" fill="#fff" stroke="#555" stroke-width="1.5"/>'
        f'<path d="{grip}" stroke="#555" stroke-width="1.8"/></g>'
    )


def image_icon(x: float, y: float) -> str:
    return (
        f'<g transform="translate({x - 20:.1f} {y - 16:.1f})" fill="none" '
        'stroke="currentColor" stroke-width="1.8"><rect width="40" height="32" rx="3"/>'
        '<path d="M3 28l10-12 8 8 6-6 10 10"/><circle cx="28" cy="9" r="3.5"/></g>'
    )


def answer_icon(x: float, y: float) -> str:
    """Draw three bars of confidence, the first the longest."""
    return (
        f'<g transform="translate({x - 18:.1f} {y - 14:.1f})"><rect width="36" height="7" rx="2"/>'
        '<rect y="11" width="16" height="7" rx="2" opacity=".6"/>'
        '<rect y="22" width="9" height="7" rx="2" opacity=".6"/></g>'
    )


def label(
    x: float, y: float, words: str, *, size: float = 13, weight: int = 400, anchor: str = "middle"
) -> str:
    look = f'font-size="{size:g}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{html_text(words)}</text>'


def scaled(value: int, most: int, low: float, high: float) -> float:
    """Return a length between `low` and `high` that grows with the logarithm of `value`.

    Resolution and channels change by factors of two from stage to stage.
    """
    return low + (high - low) * min(1.0, math.log2(max(1, value)) / math.log2(most))
