"""Generated drawings of circles, squares, triangles and stars, each a little different."""

import io
import math
import random

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "star", "triangle")
PER_CLASS = 60
_SIDE = 96
_ZOOM = 3
"""Factor by which drawings are made larger before shrinking, for smooth edges."""

Point = tuple[float, float]


def draw_png(shape: str, index: int) -> bytes:
    """Draw a shape as a PNG; the same `index` always gives the same drawing."""
    # Python hashes a text seed by SHA-512, so that it gives the same numbers in every process.
    rng = random.Random(f"{shape}:{index}")
    background = tuple(rng.randint(150, 255) for _ in range(3))
    image = Image.new("RGB", (_SIDE * _ZOOM, _SIDE * _ZOOM), background)
    corners = _corners(shape, rng)
    # Darker than any background, so that every shape is visible.
    colour = tuple(rng.randint(0, 140) for _ in range(3))
    ImageDraw.Draw(image).polygon(corners, fill=colour)
    noisy = _add_noise(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), rng)
    buffer = io.BytesIO()
    noisy.save(buffer, "PNG")
    return buffer.getvalue()


def _corners(shape: str, rng: random.Random) -> list[Point]:
    """Return the outline with random size, position and rotation, inside the image."""
    full = _SIDE * _ZOOM
    radius = rng.uniform(0.2, 0.42) * full
    x = rng.uniform(radius, full - radius)
    y = rng.uniform(radius, full - radius)
    turn = rng.uniform(0, 2 * math.pi)
    # Radius of each corner; a star alternates between two.
    radii = {
        # With 72 corners the outline looks round at this size.
        "circle": [1.0] * 72,
        "square": [1.0] * 4,
        "triangle": [1.0] * 3,
        "star": [1.0, 0.42] * 5,
    }[shape]
    angles = [turn + 2 * math.pi * step / len(radii) for step in range(len(radii))]
    return [
        (x + radius * r * math.cos(a), y + radius * r * math.sin(a))
        for r, a in zip(radii, angles, strict=True)
    ]


def _add_noise(image: Image.Image, rng: random.Random) -> Image.Image:
    generator = np.random.default_rng(rng.getrandbits(32))
    noise = generator.normal(0, rng.uniform(2, 14), (_SIDE, _SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
