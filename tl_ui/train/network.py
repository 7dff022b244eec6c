"""The network as a picture: its stages in a row (or, where that is too wide, in a column), frozen ones and others."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tl_core.charts import FROZEN, TRAINABLE
from tl_core.text import html_text, number_of, shorten

SLOT, NARROW_SLOT = 92, 68
"""Width of a stage in the row, in the picture's own units (pixels at full size); and of one among many."""
_MANY = 10
"""Stages from which the row has narrow slots, and the shape takes two lines."""
ROW = 46
"""Height of a stage in the column."""
_TOP, _MIDDLE = 34, 112
_TALL_WIDTH = 340


@dataclass(frozen=True, slots=True)
class StageView:
    name: str
    parameters: int
    output: str
    """Height, width and channels of what comes out, such as "112 × 112 × 32"."""

    @property
    def resolution(self) -> int:
        return self._numbers()[0]

    @property
    def channels(self) -> int:
        return self._numbers()[-1]

    def _numbers(self) -> list[int]:
        return [int(digits[:6]) for digits in re.findall(r"[0-9]+", self.output)] or [1]


def network_svg(
    stages: Sequence[StageView], frozen: int, head_label: str, partly: Collection[int] = frozenset()
) -> str:
    """HTML for the `drawing` component.

    Args:
        frozen: how many stages, from the input, stay as they are.
        head_label: what the answer is, such as "5 classes". User text.
        partly: places, from 0, of further stages in which some layers stay as they are.
    """
    frozen = max(0, min(frozen, len(stages)))
    picture = _Picture(stages, frozen, frozenset(partly) - set(range(frozen)), head_label)
    width = picture.slot * (len(stages) + 3)
    said = f"<title>The network</title><desc>{html_text(_describe(picture))}</desc>"
    wide = _svg("wide", width, 250 if picture.is_long else 236, said + _wide(picture))
    tall = _svg("tall", _TALL_WIDTH, ROW * (len(stages) + 3) + 30, said + _tall(picture))
    # Below three quarters of its size the row's words are too small to read.
    style = (
        ".tl-network{container-type:inline-size}.tl-network .tall{display:none}"
        ".tl-network svg{display:block;margin:auto;width:100%;height:auto;font-size:13px}"
        f".tl-network .wide{{max-width:{width * 1.15:.0f}px}}.tl-network .tall{{max-width:{_TALL_WIDTH * 1.15:.0f}px}}"
        f"@container (max-width:{width * 0.75:.0f}px){{.tl-network .wide{{display:none}}"
        ".tl-network .tall{display:block}}"
    )
    return f'<div class="tl-network"><style>{style}</style>{wide}{tall}</div>'


def parameters_text(n: int) -> str:
    """`1.3 M`, `12 k`."""
    if n >= 999_500:
        return f"{n / 1e6:.1f} M"
    return f"{n / 1e3:.0f} k" if n >= 1000 else str(n)


@dataclass(frozen=True, slots=True)
class _Picture:
    stages: Sequence[StageView]
    frozen: int
    partly: frozenset[int]
    head_label: str

    @property
    def is_long(self) -> bool:
        return len(self.stages) >= _MANY

    @property
    def slot(self) -> int:
        return NARROW_SLOT if self.is_long else SLOT

    def fate(self, place: int) -> str:
        if place < self.frozen:
            return "frozen"
        return "partly" if place in self.partly else "trains"


def _describe(picture: _Picture) -> str:
    stages, frozen = picture.stages, picture.frozen
    kept = [stage.name for stage in stages[:frozen]]
    trained = [*(stage.name for stage in stages[frozen:]), "head"]
    n_kept = sum(stage.parameters for stage in stages[:frozen])
    text = f"An image passes through {number_of(len(stages), 'stage')} and the head, which answers {picture.head_label}. "
    if kept:
        text += f"Frozen: {', '.join(kept)} ({parameters_text(n_kept)} weights). "
    text += f"Trains: {', '.join(trained)}."
    partly = [stages[place].name for place in sorted(picture.partly) if place < len(stages)]
    return f"{text} Some layers frozen: {', '.join(partly)}." if partly else text


def _wide(picture: _Picture) -> str:
    stages, frozen, slot = picture.stages, picture.frozen, picture.slot
    edge = slot * (frozen + 1)
    head = slot * (len(stages) + 1.5)
    parts = [
        f'<path d="M{slot * 0.75} {_MIDDLE}H{head + slot * 0.6}" stroke="currentColor" opacity=".5"/>'
    ]
    parts.append(_image_icon(slot / 2, _MIDDLE) + _text(slot / 2, 194, "image"))
    for place, stage in enumerate(stages):
        x = slot * (place + 1.5)
        height, width = (
            _scaled(stage.resolution, 256, 26, 110),
            _scaled(stage.channels, 2048, 14, slot * 0.67),
        )
        parts.append(
            _block(
                x - width / 2,
                _MIDDLE - height / 2,
                width,
                height,
                layout="wide",
                fate=picture.fate(place),
            )
        )
        parts.append(
            _text(
                x,
                194,
                shorten(stage.name, slot // 8 + 1),
                size=13 if slot == SLOT else 12,
                weight=600,
            )
        )
        parts.append(_below(x, stage, picture.is_long))
    parts.append(
        _block(head - 15, _MIDDLE - 30, 30, 60, layout="wide", fate="trains")
        + _text(head, 194, "head", weight=600)
    )
    answer = head + slot
    parts.append(
        _answer_icon(answer, _MIDDLE)
        + _text(answer, 194, shorten(picture.head_label, slot // 7 + 1))
    )
    if frozen:
        parts.append(_band(slot * 1.05, edge - 6, "frozen", FROZEN))
    parts.append(_band(edge + 6, head + slot / 2, "trains", TRAINABLE))
    parts.append(_handle(f"M{edge} 8V176", edge, _MIDDLE, "M-3 -5v10M3 -5v10"))
    return "".join(parts)


def _below(x: float, stage: StageView, is_long: bool) -> str:
    """What comes out and the weights, below a stage's name."""
    *sides, channels = stage.output.split(" × ")
    lines = [" × ".join(sides), f"× {channels}"] if is_long and sides else [stage.output]
    sizes = [10.5] * len(lines) + [11]
    lines.append(parameters_text(stage.parameters))
    tops = (209, 222, 238) if len(lines) == 3 else (211, 227)
    return "".join(
        _text(x, y, line, size=size) for y, line, size in zip(tops, lines, sizes, strict=True)
    )


def _tall(picture: _Picture) -> str:
    stages = picture.stages
    x, text_x, edge = 70, 138, ROW * (picture.frozen + 1) + 15
    rows = [(s.name, f"{s.output} · {parameters_text(s.parameters)}") for s in stages]
    last = ROW * (len(stages) + 2.5) + 15
    parts = [f'<path d="M{x} {ROW * 0.5 + 20}V{last - 14}" stroke="currentColor" opacity=".5"/>']
    parts.append(_image_icon(x, ROW / 2 + 5) + _text(text_x, ROW / 2 + 10, "image", anchor="start"))
    for place, (name, detail) in enumerate([*rows, ("head", "")]):
        y, fate = ROW * (place + 1.5) + 15, picture.fate(place)
        width = _scaled(stages[place].resolution, 256, 24, 116) if place < len(stages) else 60
        height = _scaled(stages[place].channels, 2048, 8, 30) if place < len(stages) else 16
        parts.append(_block(x - width / 2, y - height / 2, width, height, layout="tall", fate=fate))
        word = ("frozen", FROZEN) if fate == "frozen" else ("trains", TRAINABLE)
        parts.append(
            _text(text_x, y - 1 if detail else y + 5, shorten(name, 16), weight=600, anchor="start")
        )
        parts.append(_text(text_x, y + 14, detail, size=11, anchor="start") if detail else "")
        parts.append(_tag(_TALL_WIDTH - 4, y - (4 if detail else -2), *word))
    parts.append(
        _answer_icon(x, last)
        + _text(text_x, last + 4, shorten(picture.head_label, 26), anchor="start")
    )
    parts.append(_handle(f"M8 {edge}H{_TALL_WIDTH - 8}", 11, edge, "M-4 -2.5h8M-4 2.5h8", 9))
    return "".join(parts)


def _svg(layout: str, width: float, height: float, content: str) -> str:
    hatch = (
        f'<defs><pattern id="tl-hatch-{layout}" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        '<path d="M0 0V7" stroke="#fff" stroke-width="2.4" opacity=".55"/></pattern></defs>'
    )
    start = (
        f'<svg class="{layout}" viewBox="0 0 {width:g} {height:g}" role="img" fill="currentColor">'
    )
    return f"{start}{hatch}{content}</svg>"


def _block(x: float, y: float, width: float, height: float, *, layout: str, fate: str) -> str:
    """A stage; `layout` has the pattern that marks what is frozen of it: all, or some of its layers."""
    place = f'x="{x:.1f}" y="{y:.1f}" height="{height:.1f}" rx="4"'
    box = f'<rect {place} width="{width:.1f}" fill="{FROZEN if fate == "frozen" else TRAINABLE}"/>'
    if fate == "trains":
        return box
    part = f'{place} width="{width if fate == "frozen" else width / 2:.1f}"'
    under = f'<rect {part} fill="{FROZEN}"/>' if fate == "partly" else ""
    return f'{box}{under}<rect {part} fill="url(#tl-hatch-{layout})"/>'


def _band(start: float, end: float, word: str, colour: str) -> str:
    """A line over the stages that share a fate, and the word for it."""
    return (
        f'<path d="M{start:.1f} {_TOP}H{end:.1f}" stroke="{colour}" stroke-width="4" stroke-linecap="round"/>'
        + _tag((start + end) / 2, _TOP - 12, word, colour, anchor="middle")
    )


def _tag(x: float, y: float, word: str, colour: str, anchor: str = "end") -> str:
    text = _text(x, y, word, weight=600, anchor=anchor)
    left = x - (64 if anchor == "end" else 41)
    return text + (
        _lock(left, y - 12, colour) if word == "frozen" else _spark(left, y - 11, colour)
    )


def _lock(x: float, y: float, colour: str) -> str:
    return (
        f'<g transform="translate({x:.1f} {y:.1f})"><path d="M2.5 6V4a2.5 2.5 0 0 1 5 0V6" fill="none" '
        f'stroke="{colour}" stroke-width="1.6"/><rect y="6" width="10" height="7.5" rx="1.5" fill="{colour}"/></g>'
    )


def _spark(x: float, y: float, colour: str) -> str:
    """An arrow that goes round: what is adjusted again and again."""
    return (
        f'<path transform="translate({x:.1f} {y:.1f})" d="M10 6a4.5 4.5 0 1 1-1.6-3.4M9 0v3.2H5.8" fill="none" '
        f'stroke="{colour}" stroke-width="1.7"/>'
    )


def _handle(line: str, x: float, y: float, grip: str, radius: int = 12) -> str:
    """Where the frozen part ends."""
    return (
        f'<path d="{line}" stroke="currentColor" stroke-width="1.5" stroke-dasharray="4 4"/>'
        f'<g transform="translate({x:.1f} {y:.1f})"><circle r="{radius}" fill="#fff" stroke="#555" stroke-width="1.5"/>'
        f'<path d="{grip}" stroke="#555" stroke-width="1.8"/></g>'
    )


def _image_icon(x: float, y: float) -> str:
    return (
        f'<g transform="translate({x - 20:.1f} {y - 16:.1f})" fill="none" stroke="currentColor" stroke-width="1.8">'
        '<rect width="40" height="32" rx="3"/><path d="M3 28l10-12 8 8 6-6 10 10"/><circle cx="28" cy="9" r="3.5"/></g>'
    )


def _answer_icon(x: float, y: float) -> str:
    """Bars of confidence, one of them ahead."""
    return (
        f'<g transform="translate({x - 18:.1f} {y - 14:.1f})"><rect width="36" height="7" rx="2"/>'
        '<rect y="11" width="16" height="7" rx="2" opacity=".6"/>'
        '<rect y="22" width="9" height="7" rx="2" opacity=".6"/></g>'
    )


def _text(
    x: float, y: float, words: str, *, size: float = 13, weight: int = 400, anchor: str = "middle"
) -> str:
    look = f'font-size="{size:g}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{html_text(words)}</text>'


def _scaled(value: int, most: int, low: float, high: float) -> float:
    """A length for a number that doubles from stage to stage: its logarithm, between `low` and `high`."""
    return low + (high - low) * min(1.0, math.log2(max(1, value)) / math.log2(most))
