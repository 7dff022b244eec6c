"""Network as a row of stages, from the image on the left to the answer on the right."""

from collections.abc import Sequence

from tl_core.charts import FROZEN, TRAINABLE
from tl_core.text import shorten
from tl_ui.train.network_shapes import (
    Drawn,
    Part,
    answer_icon,
    block,
    fixed_block,
    goal,
    grip,
    image_icon,
    label,
    scaled,
    svg,
    tag,
)

SLOT = 92
"""Width of a stage, in the picture's own units (pixels at full size)."""
NARROW_SLOT = 68
"""Width of a stage in a row of many, and of image, head and answer in a crowded one."""
_MANY = 10
"""Stages from which slots are narrow, and the shape takes two lines."""
CROWDED = 17
"""Stages from which only some have their names below, and none its shape."""
_CROWD_WIDTH = 1040
"""Width of all stages of a crowded row."""
_NAME_ROOM = 72
"""Least distance of two names in a crowded row."""
_TOP = 28
"""Vertical position of the line above the stages."""
_MIDDLE = 92
"""Vertical centre of the row."""
_NAMES = 160
"""Baseline of the names below the row."""
_HIT = _NAMES - _TOP + 6
"""Height of the area in which a click means a stage."""
_LINES = (16, 31)
"""Baselines of output shape and number of weights, below those of the names."""
_LINES_LONG = (14, 27, 42)
"""Baselines of a shape in two lines and of the number of weights."""


class _Row:
    """Places of everything in the row."""

    def __init__(self, n_stages: int) -> None:
        self.n = n_stages
        self.is_crowded = n_stages >= CROWDED
        self.is_long = n_stages >= _MANY
        self.slot: float = NARROW_SLOT if self.is_long else SLOT
        self.side = self.slot
        """Width of the places of image, head and answer."""
        if self.is_crowded:
            self.slot = max(3.0, _CROWD_WIDTH / n_stages)
        self.head = self.side * 1.5 + self.slot * n_stages
        self.answer = self.head + self.side
        self.width = self.answer + self.side / 2

    def centre(self, place: int) -> float:
        return self.side + self.slot * (place + 0.5)

    def is_named(self, place: int) -> bool:
        every = -(-_NAME_ROOM // self.slot) if self.is_crowded else 1
        return place % every == 0


def draw(parts: Sequence[Part], head_label: str) -> Drawn:
    row = _Row(len(parts))
    line = f'<path d="M{row.side * 0.75:.1f} {_MIDDLE}H{row.answer - row.side * 0.4:.1f}" '
    scene = [f'{line}stroke="currentColor" opacity=".5"/>', _image(row)]
    scene += [_stage(row, place, part) for place, part in enumerate(parts)]
    scene.append(_head(row))
    scene.append(answer_icon(row.answer, _MIDDLE))
    scene.append(label(row.answer, _NAMES, shorten(head_label, int(row.side // 7) + 1)))
    half = f"--dx:{row.slot / 2:.4f}"
    # Each word stands over the middle of its stages, so it moves half as far as the boundary.
    frozen = tag(row.side, _TOP - 12, "frozen", FROZEN, anchor="middle")
    end = (row.side + row.head + row.side / 2) / 2
    trains = tag(end, _TOP - 12, "trains", TRAINABLE, anchor="middle")
    scene.append(f'<g class="moves if-some" style="{half}">{frozen}</g>')
    scene.append(f'<g class="moves" style="{half}">{trains}</g>')
    handle = grip(
        f"M{row.side} 6V144",
        (row.side, _MIDDLE),
        "M-3 -5v10M3 -5v10",
        hits=[(row.side - 14, 6, 28, 138)],
        step=f"--dx:{row.slot:.4f}",
        orientation="horizontal",
    )
    steps = f'data-start="{row.side}" data-step="{row.slot:.4f}" data-axis="x"'
    if row.is_crowded:
        steps += ' data-crowded=""'
    below = len(_LINES_LONG if row.is_long else _LINES)
    height = _NAMES + 8 + (0 if row.is_crowded else 15 * below)
    return Drawn(svg(("wide", row.width, height), steps, "".join(scene), handle), row.width)


def _image(row: _Row) -> str:
    picture = image_icon(row.side / 2, _MIDDLE) + label(row.side / 2, _NAMES, "image")
    return goal(0, (0, _TOP, row.side, _HIT), "Freeze nothing", picture)


def _head(row: _Row) -> str:
    box = fixed_block(row.head - 15, _MIDDLE - 26, 30, 52)
    line = _segment(row.head - row.side / 2, row.side, TRAINABLE)
    name = label(row.head, _NAMES, "head", weight=600)
    hit = (row.head - row.side / 2, _TOP, row.side, _HIT)
    return goal(row.n, hit, "Freeze all stages", line + box + name)


def _stage(row: _Row, place: int, part: Part) -> str:
    x = row.centre(place)
    height = scaled(part.resolution, 256, 24, 92)
    width = scaled(part.channels, 2048, min(14, row.slot * 0.6), row.slot * 0.67)
    box = block(x - width / 2, _MIDDLE - height / 2, width, height, layout="wide")
    left = x - row.slot / 2
    lines = "".join(
        f'<g class="if-{state}">{_segment(left, row.slot, colour)}</g>'
        for state, colour in (("frozen", FROZEN), ("trains", TRAINABLE), ("partly", TRAINABLE))
    )
    words = _words(row, x, part) if row.is_named(place) else ""
    hit = (left, _TOP, row.slot, _HIT)
    return goal(place + 1, hit, f"{part.words()}: freeze up to here", box + lines + words, place)


def _segment(left: float, width: float, colour: str) -> str:
    """Draw a stage's part of the line above the row."""
    gap = min(3, width * 0.15)
    path = f"M{left + gap:.1f} {_TOP}H{left + width - gap:.1f}"
    return f'<path d="{path}" stroke="{colour}" stroke-width="4"/>'


def _words(row: _Row, x: float, part: Part) -> str:
    """Write a stage's name and, where there is room, its output shape and number of weights."""
    size = 12 if row.is_long else 13
    room = _NAME_ROOM if row.is_crowded else row.slot
    name = label(x, _NAMES, shorten(part.name, int(room // 8) + 1), size=size, weight=600)
    if row.is_crowded:
        return name
    *sides, channels = part.output.split(" × ")
    lines = [" × ".join(sides), f"× {channels}"] if row.is_long and sides else [part.output]
    sizes = [10.5] * len(lines) + [11]
    lines.append(part.weights)
    tops = _LINES_LONG if len(lines) == 3 else _LINES
    below = zip(tops, lines, sizes, strict=True)
    return name + "".join(label(x, _NAMES + y, line, size=size) for y, line, size in below)
