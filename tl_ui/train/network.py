"""Picture of the network: its stages in a row, or in a column where a row is too wide."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tl_core.charts import FROZEN, TRAINABLE
from tl_core.text import html_text, number_of, shorten
from tl_ui.train.network_shapes import (
    answer_icon,
    band,
    block,
    handle,
    image_icon,
    label,
    scaled,
    svg,
    tag,
)

SLOT = 92
"""Width of a stage in the row, in the picture's own units (pixels at full size)."""
NARROW_SLOT = 68
"""Width of a stage in a row of many."""
_MANY = 10
"""Stages from which the row has narrow slots, and the shape takes two lines."""
ROW = 46
"""Height of a stage in the column."""
_MIDDLE = 112
"""Vertical centre of the row."""
_NAMES = 194
"""Baseline of the names below the row."""
_TALL_WIDTH = 340
_RESOLUTION = 256
"""Resolution drawn at full length."""
_CHANNELS = 2048
"""Number of channels drawn at full length."""


@dataclass(frozen=True, slots=True)
class StageView:
    name: str
    parameters: int
    output: str
    """Output shape: height, width and channels, such as "112 × 112 × 32"."""

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
    """Return HTML for the `drawing` component.

    Args:
        frozen: number of frozen stages, counted from the input.
        head_label: output of the head, such as "5 classes". User text.
        partly: places, from 0, of further stages in which some layers are frozen.
    """
    frozen = max(0, min(frozen, len(stages)))
    picture = _Picture(stages, frozen, frozenset(partly) - set(range(frozen)), head_label)
    width = picture.slot * (len(stages) + 3)
    height = ROW * (len(stages) + 3) + 30
    title = f"<title>Network architecture</title><desc>{html_text(_describe(picture))}</desc>"
    # Both are in the page, since only the browser knows how wide it is.
    wide = svg("wide", width, 250 if picture.is_long else 236, title + _wide(picture))
    tall = svg("tall", _TALL_WIDTH, height, title + _tall(picture))
    # Below three quarters of its size the row's words are too small to read.
    style = (
        ".tl-network{container-type:inline-size}.tl-network .tall{display:none}"
        ".tl-network svg{display:block;margin:auto;width:100%;height:auto;font-size:13px}"
        f".tl-network .wide{{max-width:{width * 1.15:.0f}px}}"
        f".tl-network .tall{{max-width:{_TALL_WIDTH * 1.15:.0f}px}}"
        f"@container (max-width:{width * 0.75:.0f}px){{.tl-network .wide{{display:none}}"
        ".tl-network .tall{display:block}}"
    )
    return f'<div class="tl-network"><style>{style}</style>{wide}{tall}</div>'


def parameters_text(n: int) -> str:
    """Return a number of parameters such as `1.3 M` or `12 k`."""
    # From here on, thousands would be rounded to 1000 k.
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

    def state(self, place: int) -> str:
        if place < self.frozen:
            return "frozen"
        return "partly" if place in self.partly else "trains"


def _describe(picture: _Picture) -> str:
    stages = picture.stages
    frozen = stages[: picture.frozen]
    trained = [*(stage.name for stage in stages[picture.frozen :]), "head"]
    partly = [stages[place].name for place in sorted(picture.partly) if place < len(stages)]
    sentences = [
        f"An image passes through {number_of(len(stages), 'stage')} and the head, "
        f"which answers {picture.head_label}."
    ]
    if frozen:
        names = ", ".join(stage.name for stage in frozen)
        n_weights = parameters_text(sum(stage.parameters for stage in frozen))
        sentences.append(f"Frozen: {names} ({n_weights} weights).")
    sentences.append(f"Trains: {', '.join(trained)}.")
    if partly:
        sentences.append(f"Some layers frozen: {', '.join(partly)}.")
    return " ".join(sentences)


def _wide(picture: _Picture) -> str:
    """Draw the row."""
    slot = picture.slot
    edge = slot * (picture.frozen + 1)
    head = slot * (len(picture.stages) + 1.5)
    end = head + slot * 0.6
    parts = [f'<path d="M{slot * 0.75} {_MIDDLE}H{end}" stroke="currentColor" opacity=".5"/>']
    parts.append(image_icon(slot / 2, _MIDDLE) + label(slot / 2, _NAMES, "image"))
    parts += [_wide_stage(picture, place) for place in range(len(picture.stages))]
    parts.append(block(head - 15, _MIDDLE - 30, 30, 60, layout="wide", state="trains"))
    parts.append(label(head, _NAMES, "head", weight=600))
    answer = head + slot
    parts.append(answer_icon(answer, _MIDDLE))
    parts.append(label(answer, _NAMES, shorten(picture.head_label, slot // 7 + 1)))
    if picture.frozen:
        parts.append(band(slot * 1.05, edge - 6, "frozen", FROZEN))
    parts.append(band(edge + 6, head + slot / 2, "trains", TRAINABLE))
    # SVG paints in order: the boundary comes last and lies on top of the stages.
    parts.append(handle(f"M{edge} 8V176", edge, _MIDDLE, "M-3 -5v10M3 -5v10"))
    return "".join(parts)


def _wide_stage(picture: _Picture, place: int) -> str:
    stage = picture.stages[place]
    slot = picture.slot
    x = slot * (place + 1.5)
    height = scaled(stage.resolution, _RESOLUTION, 26, 110)
    width = scaled(stage.channels, _CHANNELS, 14, slot * 0.67)
    left = x - width / 2
    top = _MIDDLE - height / 2
    box = block(left, top, width, height, layout="wide", state=picture.state(place))
    size = 12 if picture.is_long else 13
    name = label(x, _NAMES, shorten(stage.name, slot // 8 + 1), size=size, weight=600)
    return box + name + _below(x, stage, picture.is_long)


def _below(x: float, stage: StageView, is_long: bool) -> str:
    """Write the output shape and the number of parameters below a stage's name."""
    *sides, channels = stage.output.split(" × ")
    lines = [" × ".join(sides), f"× {channels}"] if is_long and sides else [stage.output]
    sizes = [10.5] * len(lines) + [11]
    lines.append(parameters_text(stage.parameters))
    tops = (209, 222, 238) if len(lines) == 3 else (211, 227)
    return "".join(
        label(x, y, line, size=size) for y, line, size in zip(tops, lines, sizes, strict=True)
    )


_TALL_X = 70
"""Horizontal centre of the column."""
_TALL_TEXT_X = 138


def _tall(picture: _Picture) -> str:
    """Draw the column."""
    n_stages = len(picture.stages)
    edge = ROW * (picture.frozen + 1) + 15
    last = ROW * (n_stages + 2.5) + 15
    start = ROW * 0.5 + 20
    parts = [f'<path d="M{_TALL_X} {start}V{last - 14}" stroke="currentColor" opacity=".5"/>']
    parts.append(image_icon(_TALL_X, ROW / 2 + 5))
    parts.append(label(_TALL_TEXT_X, ROW / 2 + 10, "image", anchor="start"))
    parts += [_tall_stage(picture, place) for place in range(n_stages)]
    head = ROW * (n_stages + 1.5) + 15
    parts.append(block(_TALL_X - 30, head - 8, 60, 16, layout="tall", state="trains"))
    parts.append(label(_TALL_TEXT_X, head + 5, "head", weight=600, anchor="start"))
    parts.append(tag(_TALL_WIDTH - 4, head + 2, "trains", TRAINABLE))
    parts.append(answer_icon(_TALL_X, last))
    parts.append(label(_TALL_TEXT_X, last + 4, shorten(picture.head_label, 26), anchor="start"))
    parts.append(handle(f"M8 {edge}H{_TALL_WIDTH - 8}", 11, edge, "M-4 -2.5h8M-4 2.5h8", 9))
    return "".join(parts)


def _tall_stage(picture: _Picture, place: int) -> str:
    stage = picture.stages[place]
    y = ROW * (place + 1.5) + 15
    state = picture.state(place)
    width = scaled(stage.resolution, _RESOLUTION, 24, 116)
    height = scaled(stage.channels, _CHANNELS, 8, 30)
    left = _TALL_X - width / 2
    box = block(left, y - height / 2, width, height, layout="tall", state=state)
    name = label(_TALL_TEXT_X, y - 1, shorten(stage.name, 16), weight=600, anchor="start")
    detail = f"{stage.output} · {parameters_text(stage.parameters)}"
    below = label(_TALL_TEXT_X, y + 14, detail, size=11, anchor="start")
    word, colour = ("frozen", FROZEN) if state == "frozen" else ("trains", TRAINABLE)
    return box + name + below + tag(_TALL_WIDTH - 4, y - 4, word, colour)
