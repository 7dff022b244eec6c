"""Shapes of the network picture as SVG: stages, bands, icons and text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.charts import FROZEN, TRAINABLE
from tl_core.text import html_text


@dataclass(frozen=True, slots=True)
class Part:
    """Stage with the words and sizes that are drawn."""

    name: str
    output: str
    weights: str
    resolution: int
    channels: int

    def words(self) -> str:
        """Return one line on the stage, such as `stage3, 28 × 28 × 64, 12 k weights`."""
        return f"{self.name}, {self.output}, {self.weights} weights"


@dataclass(frozen=True, slots=True)
class Drawn:
    svg: str
    width: float


def svg(size: tuple[str, float, float], steps: str, scene: str, handle: str) -> str:
    """Return the picture; only its handle is there for screen readers.

    Args:
        size: layout, which is the class, and width and height.
        steps: attributes that say where the boundary is when nothing is frozen, its distance
            from stage to stage, and its direction.
    """
    layout, width, height = size
    # Row and column are both in the page, and ids must be unique.
    hatch = (
        f'<defs><pattern id="tl-hatch-{layout}" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        '<path d="M0 0V7" stroke="#fff" stroke-width="2.4" opacity=".55"/></pattern></defs>'
    )
    start = (
        f'<svg class="{layout}" viewBox="0 0 {width:g} {height:g}" fill="currentColor" '
        f'role="group" aria-label="Network architecture" {steps}>'
    )
    return f'{start}{hatch}<g aria-hidden="true">{scene}</g>{handle}</svg>'


def goal(
    freeze: int,
    hit: tuple[float, float, float, float],
    tip: str,
    content: str,
    stage: int | None = None,
) -> str:
    """Make content a target: a click within `hit` (x, y, width, height) freezes `freeze` stages.

    Args:
        tip: text of the tooltip. User text.
        stage: index of the stage, whose state the component shows by `data-state`.
    """
    mark = "" if stage is None else f' data-stage="{stage}" data-state="trains"'
    title = f"<title>{html_text(tip)}</title>"
    return f'<g data-freeze="{freeze}"{mark}>{title}{_hit(hit)}{content}</g>'


def _hit(area: tuple[float, float, float, float]) -> str:
    x, y, width, height = area
    return f'<rect class="hit" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def block(x: float, y: float, width: float, height: float, *, layout: str) -> str:
    """Draw a stage in all its states; the pattern marks its frozen part: all of it, or half."""
    radius = min(4, width / 4, height / 4)
    place = f'x="{x:.1f}" y="{y:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    # Hatched as well as coloured, for readers who cannot tell the colours apart.
    hatch = f'fill="url(#tl-hatch-{layout})"'
    whole = f'{place} width="{width:.1f}"'
    half = f'{place} width="{width / 2:.1f}"'
    return (
        f'<g class="block"><rect {whole} fill="{TRAINABLE}"/>'
        f'<g class="if-frozen"><rect {whole} fill="{FROZEN}"/><rect {whole} {hatch}/></g>'
        f'<g class="if-partly"><rect {half} fill="{FROZEN}"/><rect {half} {hatch}/></g></g>'
    )


def fixed_block(x: float, y: float, width: float, height: float) -> str:
    """Draw the head, which always trains."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width}" height="{height}" rx="4"'
    return f'<rect class="block" {place} fill="{TRAINABLE}"/>'


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


def grip(
    edge: str,
    knob: tuple[float, float],
    lines: str,
    *,
    hits: Sequence[tuple[float, float, float, float]],
    step: str,
    orientation: str,
) -> str:
    """Draw the boundary between frozen and trained stages, a slider, where nothing is frozen.

    Args:
        edge: path of the boundary.
        knob: centre of the round part.
        lines: path of the two strokes on it.
        hits: areas (x, y, width, height) where it can be taken.
        step: CSS variable with the distance to the next place.
    """
    x, y = knob
    return (
        f'<g class="grip moves" style="{step}" role="slider" tabindex="0" aria-valuemin="0" '
        f'aria-orientation="{orientation}" aria-describedby="sentence">'
        f"{''.join(map(_hit, hits))}"
        f'<path class="edge" d="{edge}" stroke="currentColor" stroke-width="1.5" '
        f'stroke-dasharray="4 4"/><g class="knob" transform="translate({x:.1f} {y:.1f})">'
        f'<circle r="13"/><path d="{lines}" stroke="#555" stroke-width="1.8"/></g></g>'
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

    Args:
        most: value that is drawn at full length.
    """
    return low + (high - low) * min(1.0, math.log2(max(1, value)) / math.log2(most))
