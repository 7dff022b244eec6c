"""Heat-maps laid over their images, cached for all sessions of the server."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from threading import Condition
from typing import BinaryIO

from cachetools import LRUCache, cachedmethod
from PIL import Image

from tl_core.data.decoders import get_decoders
from tl_core.evaluation.explain import Method
from tl_core.runs.heat_overlay import COLOUR_STOPS, overlay, where_words
from tl_core.runs.predictor import Predictor

LARGEST_SIDE = 1024
_SMALLEST_SIDE = 448
"""Side to which small images are enlarged, in pixels, so that a heat-map on them is legible."""
_CACHE_SIZE = 200
METHOD_NAMES: dict[Method, str] = {"grad-cam": "Grad-CAM", "occlusion": "Occlusion"}
_GRADIENT = ", ".join(f"rgb{stop}" for stop in COLOUR_STOPS[1:])
SCALE_STYLE = f"""
.tl-scale {{ display: flex; gap: 0.4rem; align-items: center; white-space: nowrap;
  overflow-wrap: normal; }}
.tl-scale i {{ width: 3rem; height: 0.6rem; border-radius: 0.2rem;
  background: linear-gradient(to right, rgb(128 128 128 / 40%), {_GRADIENT}); }}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Key of a heat-map in the cache."""

    run_id: str
    best_epoch: int | None
    """Distinguishes a run's checkpoints, since the best one changes during training."""
    sha256: str
    """SHA-256 digest of the image file."""
    label: int
    method: Method
    person_id: str = ""
    """Person whose own image it is; empty for the operator's, and for images of a dataset."""


@dataclass(frozen=True, slots=True)
class Drawn:
    body: bytes
    """WebP of the whole image with the heat-map."""
    where: str
    """Location of the maximum, in words."""


class Heats:
    """Cache of the most recently used heat-maps."""

    def __init__(self) -> None:
        self._drawn: LRUCache[Wanted, Drawn] = LRUCache(_CACHE_SIZE)
        # A condition, unlike a lock, lets others wait for a heat-map that is being drawn.
        self._drawing = Condition()

    def find(self, wanted: Wanted) -> Drawn | None:
        """Return the heat-map if it is cached."""
        with self._drawing:
            return self._drawn.get(wanted)

    @cachedmethod(
        attrgetter("_drawn"),
        key=lambda _self, wanted, _draw: wanted,
        condition=attrgetter("_drawing"),
    )
    def get(self, wanted: Wanted, draw: Callable[[], Drawn]) -> Drawn:
        """Return the cached heat-map, or draw it once for all requests; errors are not cached."""
        return draw()


def scale_html() -> str:
    """Return the colour scale of every heat-map; its style is `SCALE_STYLE`."""
    words = "Colour scale, from grey over violet and red to yellow: from none to the most evidence"
    return (
        f'<span class="tl-scale" role="img" aria-label="{words} for the class.">'
        "no evidence <i></i> most</span>"
    )


def draw_heat(
    predictor: Predictor, file: Path | BinaryIO, wanted: Wanted, max_pixels: int
) -> Drawn:
    """Compute a heat-map and lay it over the image.

    Args:
        file: the image that `wanted` identifies.

    Raises:
        ImageUnusable: the image cannot be read.
        NotExplainable: the method does not work with this model.
    """
    explanation = predictor.explain(file, wanted.label, wanted.method)
    decoders = get_decoders()
    picture = _enlarged(decoders.small(file, max_pixels, LARGEST_SIDE, predictor.levels))
    buffer = io.BytesIO()
    # WebP's fastest method, since somebody is waiting; the file is a little larger.
    overlay(picture, explanation).save(buffer, "WEBP", quality=85, method=0)
    return Drawn(buffer.getvalue(), where_words(explanation))


def _enlarged(picture: Image.Image) -> Image.Image:
    # A whole factor without smoothing keeps the pixels of small images square and sharp.
    times = _SMALLEST_SIDE // max(picture.size)
    if times <= 1:
        return picture
    size = (picture.width * times, picture.height * times)
    return picture.resize(size, Image.Resampling.NEAREST)
