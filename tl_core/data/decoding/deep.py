"""Samples of more than 8 bits: read in full, and scaled to bytes as a whole dataset is scaled.

Twelve bits stored in sixteen would be nearly black if 65,535 stood for white, and an image alone
does not tell what does: a dark one has small values, too. So the brightest value of all images of a
dataset decides, or what the files declare.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Levels = Sequence[tuple[str, float, float]]
"""Kind of sample with the values that stand for black and white, for each kind in a dataset."""
Bytes = NDArray[np.uint8]

WORDS = "16-bit"
INTEGERS = "integer"
FLOATS = "float"
"""Kinds of samples: 16 bits without a sign, wider or signed integers, floating-point numbers."""
_USUAL = {WORDS: (0.0, 65535.0), INTEGERS: (0.0, 255.0), FLOATS: (0.0, 1.0)}
"""Black and white where no dataset and no declaration tells them."""


class Span(NamedTuple):
    """Range of an image's samples."""

    kind: str
    low: float
    high: float
    declared: float | None
    """Value of white that the file declares."""


class Deep(NamedTuple):
    """Samples of an image with more than 8 bits each."""

    kind: str
    values: NDArray[Any]
    """[height, width] or [height, width, 3]."""
    alpha: NDArray[np.uint16] | None
    """[height, width], on the scale of the values."""
    opaque: NDArray[np.bool_] | None
    """[height, width]; False where a colour key makes the image transparent."""
    zero_is_white: bool
    declared: float | None

    @property
    def span(self) -> Span:
        finite = self.values[np.isfinite(self.values)] if self.kind == FLOATS else self.values
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        return Span(self.kind, low, high, self.declared)

    def scaled(self, levels: Levels | None) -> tuple[Image.Image, Image.Image | None]:
        """Return colours (L or RGB) and transparency (L, or None) in 8 bits."""
        black, white = self._ends(levels)
        pixels = _to_bytes(self.values, black, white)
        colours = Image.fromarray(255 - pixels if self.zero_is_white else pixels)
        if self.alpha is not None:
            return colours, Image.fromarray(_to_bytes(self.alpha, 0, white))
        if self.opaque is not None:
            return colours, Image.fromarray(np.where(self.opaque, np.uint8(255), np.uint8(0)))
        return colours, None

    def _ends(self, levels: Levels | None) -> tuple[float, float]:
        if levels is None:
            # An image without a dataset; 16 bits are then taken as they are.
            if self.kind == WORDS:
                return _USUAL[WORDS]
            levels = levels_of([self.span])
        for kind, black, white in levels:
            if kind == self.kind:
                return black, white
        return (0.0, self.declared) if self.declared else _USUAL[self.kind]


def levels_of(spans: Iterable[Span]) -> tuple[tuple[str, float, float], ...]:
    """Choose what stands for black and white in a dataset, for each kind of its samples."""
    by_kind: dict[str, list[Span]] = {}
    for span in spans:
        by_kind.setdefault(span.kind, []).append(span)
    return tuple((kind, *_ends_of(kind, group)) for kind, group in sorted(by_kind.items()))


def _ends_of(kind: str, spans: Sequence[Span]) -> tuple[float, float]:
    low = min(span.low for span in spans)
    high = max(span.high for span in spans)
    if kind == FLOATS:
        if all(span.declared for span in spans):
            return min(low, 0.0), max(span.declared or 0.0 for span in spans)
        # Filters overshoot a little; what is far out means another scale.
        white = next((white for white in (1.0, 255.0) if high <= 1.1 * white), high)
        if low >= -0.1 * white and high <= 1.1 * 255:
            return 0.0, white
    elif low >= 0:
        return 0.0, max(_white(span) for span in spans)
    return low, high


def _white(span: Span) -> float:
    """Return the declared white if no sample exceeds it, else the largest value of its bits."""
    if span.declared and span.high <= span.declared:
        return span.declared
    # Values of less than 8 bits are what 8-bit images of little contrast have, too.
    return float(2 ** max(8, int(span.high).bit_length()) - 1)


def _to_bytes(values: NDArray[Any], black: float, white: float) -> Bytes:
    if values.dtype == np.uint16:
        bytes_of: Bytes = _table(black, white)[values]
        return bytes_of
    # NaN would spread, and has no value as a byte.
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return _scaled(numbers, black, white)


@lru_cache(maxsize=8)
def _table(black: float, white: float) -> Bytes:
    """Return the byte for each value of 16 bits."""
    return _scaled(np.arange(65536), black, white)


def _scaled(numbers: NDArray[Any], black: float, white: float) -> Bytes:
    # Images of a single value have no range.
    scaled = (numbers - black) * (255 / (white - black or 1.0)) + 0.5
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
