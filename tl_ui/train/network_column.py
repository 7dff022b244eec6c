"""Network as a column of stages, for narrow screens: the image on top, the answer below."""

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

WIDTH = 340
_SIDE = 46
"""Height of the places of image, head and answer."""
_LEAD = 61
"""Vertical position at which the stages begin."""
_STAGES = 540
"""Height of all stages, at most, so that the whole column fits a phone's screen."""
_LEAST = 32
"""Least height of a stage with two lines of text; lower ones have no text, or one line."""
_NAME_ROOM = 20
"""Least distance of two names in a crowded column."""
_X = 70
"""Horizontal centre of the column."""
_TEXT_X = 138


class _Column:
    """Places of everything in the column."""

    def __init__(self, n_stages: int) -> None:
        self.n = n_stages
        self.row = min(_SIDE, max(4.0, _STAGES / max(1, n_stages)))
        self.is_crowded = self.row < _LEAST
        self.head = _LEAD + self.row * n_stages + _SIDE / 2
        self.answer = self.head + _SIDE
        self.height = self.answer + _SIDE / 2 + 4

    def centre(self, place: int) -> float:
        return _LEAD + self.row * (place + 0.5)

    def is_named(self, place: int) -> bool:
        every = -(-_NAME_ROOM // self.row) if self.is_crowded else 1
        return place % every == 0


def draw(parts: Sequence[Part], head_label: str) -> Drawn:
    column = _Column(len(parts))
    line = f'<path d="M{_X} 43V{column.answer - 14:.1f}" stroke="currentColor" opacity=".5"/>'
    picture = image_icon(_X, 28) + label(_TEXT_X, 33, "image", anchor="start")
    scene = [line, goal(0, (0, 0, WIDTH, _LEAD), "Freeze nothing", picture)]
    scene += [_stage(column, place, part) for place, part in enumerate(parts)]
    scene.append(_head(column))
    scene.append(answer_icon(_X, column.answer))
    answer = shorten(head_label, 26)
    scene.append(label(_TEXT_X, column.answer + 4, answer, anchor="start"))
    handle = grip(
        f"M8 {_LEAD}H{WIDTH - 8}",
        (14, _LEAD),
        "M-4 -2.5h8M-4 2.5h8",
        # Wide enough for a thumb at the knob, narrow elsewhere: the page must still scroll.
        hits=[(-8, _LEAD - 22, 48, 44), (0, _LEAD - 8, WIDTH, 16)],
        step=f"--dy:{column.row:.4f}",
        orientation="vertical",
    )
    steps = f'data-start="{_LEAD}" data-step="{column.row:.4f}" data-axis="y"'
    if column.is_crowded:
        steps += ' data-crowded=""'
    return Drawn(svg(("tall", WIDTH, column.height), steps, "".join(scene), handle), WIDTH)


def _head(column: _Column) -> str:
    y = column.head
    box = fixed_block(_X - 30, y - 8, 60, 16)
    name = label(_TEXT_X, y + 5, "head", weight=600, anchor="start")
    words = tag(WIDTH - 4, y + 2, "trains", TRAINABLE)
    hit = (0, y - _SIDE / 2, WIDTH, _SIDE)
    return goal(column.n, hit, "Freeze all stages", box + name + words)


def _stage(column: _Column, place: int, part: Part) -> str:
    y = column.centre(place)
    width = scaled(part.resolution, 256, 24, 116)
    height = scaled(part.channels, 2048, min(8, column.row * 0.7), min(30, column.row * 0.75))
    box = block(_X - width / 2, y - height / 2, width, height, layout="tall")
    words = _words(column, y, part) if column.is_named(place) else ""
    hit = (0, y - column.row / 2, WIDTH, column.row)
    return goal(place + 1, hit, f"{part.words()}: freeze up to here", box + words, place)


def _words(column: _Column, y: float, part: Part) -> str:
    tags = "".join(
        f'<g class="if-{state}">{tag(WIDTH - 4, y - 4, word, colour)}</g>'
        for state, word, colour in (
            ("frozen", "frozen", FROZEN),
            ("trains", "trains", TRAINABLE),
            ("partly", "trains", TRAINABLE),
        )
    )
    if column.is_crowded:
        return label(_TEXT_X, y + 4, shorten(part.name, 16), size=12, anchor="start") + tags
    name = label(_TEXT_X, y - 1, shorten(part.name, 16), weight=600, anchor="start")
    detail = f"{part.output} · {part.weights}"
    return name + label(_TEXT_X, y + 14, detail, size=11, anchor="start") + tags
