"""Synthetic photos, for machines without real ones."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw_photo(
    rng: np.random.Generator, size: tuple[int, int], colour: tuple[int, ...] = ()
) -> Image.Image:
    """Draw large soft shapes with some grain, about as hard to decode as a photo."""
    width, height = size
    coarse = rng.integers(0, 256, (9, 12, 3))
    if colour:
        coarse = (coarse + 2 * np.array(colour)) // 3
    soft = Image.fromarray(coarse.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-20, 21, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8))


def make_folder(
    folder: Path,
    classes: int,
    per_class: int,
    size: tuple[int, int] = (500, 375),
    quality: int = 90,
) -> Path:
    """Write JPEGs in class folders; each class has its own colour."""
    rng = np.random.default_rng(0)
    for label in range(classes):
        colour = tuple(rng.integers(0, 256, 3).tolist())
        (folder / f"class {label}").mkdir(parents=True)
        for i in range(per_class):
            draw_photo(rng, size, colour).save(
                folder / f"class {label}" / f"{i:05}.jpg", quality=quality
            )
    return folder
