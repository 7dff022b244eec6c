"""Decoding of image files to upright 8-bit sRGB, the same in the app and in an exported model.

An export takes this folder along, so it imports nothing but Pillow, NumPy and itself.
"""

from .deep import Levels, Span, levels_of
from .samples import has_usual_samples
from .upright import Upright, read_header, read_upright

__all__ = [
    "Levels",
    "Span",
    "Upright",
    "has_usual_samples",
    "levels_of",
    "read_header",
    "read_upright",
]
