"""Heat-maps as people look at them: laid over the image, made once for all who ask, a few at a time."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from threading import Condition
from typing import BinaryIO

import numpy as np
from cachetools import LRUCache, cachedmethod
from PIL import Image, ImageDraw

from tl_core.data.images import open_rgb
from tl_core.evaluation.explain import Method
from tl_core.runs.predictor import Explanation, Predictor

LARGEST_SIDE = 1024
_SMALLEST_SIDE = 448
"""Small images are enlarged to about that, so that a heat-map on them can be made out."""
_KEPT = 200
_GREY = (128, 128, 128)
_HATCH = 14
"""Pixels between the lines over what the model is not shown."""
_STOPS = ((0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))
"""Of the colour scale "inferno", which rises in brightness throughout: also without colours it reads right."""
_COLOURS = np.stack(
    [np.interp(np.arange(256), np.linspace(0, 255, 6), c) for c in zip(*_STOPS, strict=True)], 1
)
_OPACITY = np.clip(np.linspace(0, 1, 256) ** 0.7 * 230, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which heat-map."""

    run_id: str
    best_epoch: int | None
    """Tells one model of a run from the next."""
    sha256: str
    """Of the image."""
    label: int
    method: Method


@dataclass(frozen=True, slots=True)
class Drawn:
    body: bytes
    """WebP, of the whole image."""
    where: str
    """In words."""


class Heats:
    """The heat-maps that were asked for last."""

    def __init__(self) -> None:
        self._drawn: LRUCache[Wanted, Drawn] = LRUCache(_KEPT)
        self._drawing = Condition()

    def find(self, wanted: Wanted) -> Drawn | None:
        """What has been drawn already."""
        with self._drawing:
            return self._drawn.get(wanted)

    @cachedmethod(
        attrgetter("_drawn"),
        key=lambda _self, wanted, _draw: wanted,
        condition=attrgetter("_drawing"),
    )
    def get(self, wanted: Wanted, draw: Callable[[], Drawn]) -> Drawn:
        """Found or drawn; who asks for what is just being drawn waits for it. A failure is not kept."""
        return draw()


def draw_heat(
    predictor: Predictor, file: Path | BinaryIO, wanted: Wanted, max_pixels: int
) -> Drawn:
    """Ask the model and lay its answer over the image.

    Args:
        file: the image that `wanted` means.

    Raises:
        ImageUnusable: with the reason.
        NotExplainable: likewise.
    """
    explanation = predictor.explain(_from_start(file), wanted.label, wanted.method)
    picture = _at_a_good_size(
        open_rgb(_from_start(file), max_pixels, draft_side=LARGEST_SIDE // 2).pixels
    )
    buffer = io.BytesIO()
    overlay(picture, explanation).save(buffer, "WEBP", quality=85, method=0)
    return Drawn(buffer.getvalue(), where_words(explanation))


def overlay(picture: Image.Image, explanation: Explanation) -> Image.Image:
    """The image in grey, with the heat in colour; what the model is not shown is hatched."""
    left, top, right, bottom = explanation.seen
    width, height = picture.size
    box = round(left * width), round(top * height), round(right * width), round(bottom * height)
    size = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    grey = picture.convert("L").convert("RGB")
    whole = _unseen(grey)
    heat = Image.fromarray((explanation.heat.numpy() * 255).astype(np.uint8)).resize(
        size, Image.Resampling.BILINEAR
    )
    colours = Image.fromarray(_COLOURS[np.asarray(heat)].astype(np.uint8))
    seen = grey.crop((box[0], box[1], box[0] + size[0], box[1] + size[1]))
    whole.paste(
        Image.composite(colours, seen, Image.fromarray(_OPACITY[np.asarray(heat)])), box[:2]
    )
    return whole


def where_words(explanation: Explanation) -> str:
    """Where in the whole image it is strongest, such as "strongest at the upper left"."""
    heat = explanation.heat
    if heat.max() == 0:
        return "nothing in the image speaks for this class"
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    left, top, right, bottom = explanation.seen
    x = left + (right - left) * (column + 0.5) / heat.shape[1]
    y = top + (bottom - top) * (row + 0.5) / heat.shape[0]
    across, down = (
        ("left", "", "right")[min(2, int(3 * x))],
        ("upper", "", "lower")[min(2, int(3 * y))],
    )
    if not across and not down:
        return "strongest in the middle"
    return f"strongest at the {' '.join(filter(None, (down or 'middle', across or 'middle')))}"


def _from_start(file: Path | BinaryIO) -> Path | BinaryIO:
    if not isinstance(file, Path):
        file.seek(0)
    return file


def _at_a_good_size(picture: Image.Image) -> Image.Image:
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    times = _SMALLEST_SIDE // max(picture.size)
    return (
        picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
        if times > 1
        else picture
    )


def _unseen(grey: Image.Image) -> Image.Image:
    """Pale, with lines across."""
    pale = Image.blend(grey, Image.new("RGB", grey.size, _GREY), 0.7)
    pen = ImageDraw.Draw(pale)
    for x in range(-grey.height, grey.width, _HATCH):
        pen.line((x, grey.height, x + grey.height, 0), fill=(90, 90, 90), width=2)
    return pale
