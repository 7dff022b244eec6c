"""Heat-map of an explanation, laid over its image."""

import numpy as np
from PIL import Image, ImageDraw

from tl_core.runs.predictor import Explanation

COLOUR_STOPS = (
    (0, 0, 4),
    (66, 10, 104),
    (147, 38, 103),
    (221, 81, 58),
    (252, 165, 10),
    (252, 255, 164),
)
"""Colour scale "inferno": its brightness rises throughout, so that it reads right in grey too."""
_COLOURS = np.stack(
    [np.interp(np.arange(256), np.linspace(0, 255, 6), c) for c in zip(*COLOUR_STOPS, strict=True)],
    1,
)
# The exponent lifts weak heat; the strongest, 230 of 255, lets the image show through.
_OPACITY = np.clip(np.linspace(0, 1, 256) ** 0.7 * 230, 0, 255).astype(np.uint8)
_GREY = (128, 128, 128)
_HATCH = 14
"""Distance of the hatching lines over the part that is cropped away, in pixels."""


def overlay(picture: Image.Image, explanation: Explanation) -> Image.Image:
    """Draw the image in grey with the heat in colour, and hatch the part that is cropped away."""
    left, top, right, bottom = explanation.seen
    x = round(left * picture.width)
    y = round(top * picture.height)
    # A crop of a long, thin image may round to no pixels at all.
    width = max(1, round(right * picture.width) - x)
    height = max(1, round(bottom * picture.height) - y)
    # In grey, so that no colour of the image is taken for heat.
    grey = picture.convert("L").convert("RGB")
    coarse = Image.fromarray((explanation.heat.numpy() * 255).astype(np.uint8))
    heat = np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR))
    colours = Image.fromarray(_COLOURS[heat].astype(np.uint8))
    seen = grey.crop((x, y, x + width, y + height))
    drawn = _hatched(grey)
    drawn.paste(Image.composite(colours, seen, Image.fromarray(_OPACITY[heat])), (x, y))
    return drawn


def where_words(explanation: Explanation) -> str:
    """Say where in the whole image the maximum is, as in "strongest at the upper left"."""
    heat = explanation.heat
    if heat.max() == 0:
        return "nothing in the image speaks for this class"
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    left, top, right, bottom = explanation.seen
    x = left + (right - left) * (column + 0.5) / heat.shape[1]
    y = top + (bottom - top) * (row + 0.5) / heat.shape[0]
    across = ("left", "middle", "right")[min(2, int(3 * x))]
    down = ("upper", "middle", "lower")[min(2, int(3 * y))]
    if across == down:
        return "strongest in the middle"
    return f"strongest at the {down} {across}"


def _hatched(grey: Image.Image) -> Image.Image:
    pale = Image.blend(grey, Image.new("RGB", grey.size, _GREY), 0.7)
    pen = ImageDraw.Draw(pale)
    for x in range(-grey.height, grey.width, _HATCH):
        pen.line((x, grey.height, x + grey.height, 0), fill=(90, 90, 90), width=2)
    return pale
