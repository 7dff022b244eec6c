"""Copies among images: recognised by decoded pixels, whatever bytes or format hold them.

Decoding every image in full only to compare it would take up to three times as long as an import,
which decodes large JPEGs at a reduced size. So an outline of the thumbnail tells which images may
be copies, and only these are decoded in full.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

# As in `images`: child processes that decode start without it.
if TYPE_CHECKING:
    from tl_core.records import ImageRecord

_SIDE = 8
"""Side of an outline, in pixels."""
_TOLERANCE = 6
"""Largest difference of a grey value, of 255, between outlines of the same pixels.

Reduced decoding, another filter and the compression of thumbnails change it by at most 3."""

Outline = bytes
"""Grey values of an image reduced to 8 x 8 pixels, row by row."""


def outline_of(thumbnail: Image.Image) -> Outline:
    """Reduce a thumbnail (RGB) to its outline."""
    return thumbnail.resize((_SIDE, _SIDE), Image.Resampling.BOX).convert("L").tobytes()


def digest_of(pixels: Image.Image) -> str:
    """Digest size and pixels of an upright RGB image to 32 hex digits."""
    digest = hashlib.blake2b(f"{pixels.width} x {pixels.height}".encode(), digest_size=16)
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def find_lookalikes(
    images: Sequence[ImageRecord], outlines: Mapping[str, Outline]
) -> dict[str, ImageRecord]:
    """Return the images whose size and outline are nearly those of a file with other bytes.

    Args:
        outlines: outline of each file, by its SHA-256.

    Returns:
        Images by SHA-256; of files with the same bytes only one.
    """
    by_size: dict[tuple[int, int], dict[str, ImageRecord]] = defaultdict(dict)
    for image in images:
        by_size[image.width, image.height][image.sha256] = image
    alike: dict[str, ImageRecord] = {}
    for files in by_size.values():
        # Most sizes of a photo collection occur once, and need no search.
        if len(files) > 1:
            counts = _count_near([outlines[sha256] for sha256 in files])
            pairs = zip(files.items(), counts, strict=True)
            alike |= {sha256: image for (sha256, image), count in pairs if count > 1}
    return alike


def content_keys(images: Sequence[ImageRecord]) -> dict[str, str]:
    """Return for each file's SHA-256 the key of its content, equal for files of the same pixels.

    The key is the smallest SHA-256 of the files with these pixels, so that a dataset without
    copies has the same keys, and hence the same split, as before pixels were compared.
    """
    lowest: dict[str, str] = {}
    for image in images:
        content = image.pixels or image.sha256
        lowest[content] = min(lowest.get(content, image.sha256), image.sha256)
    return {image.sha256: lowest[image.pixels or image.sha256] for image in images}


def _count_near(outlines: Sequence[Outline]) -> list[int]:
    """Count for each outline those near it, itself included."""
    # Imported here, since it takes longer than an import of a few images.
    from scipy.spatial import KDTree

    points = np.frombuffer(b"".join(outlines), np.uint8).reshape(len(outlines), -1)
    tree = KDTree(points)
    counts: list[int] = tree.query_ball_point(
        points, _TOLERANCE, p=np.inf, return_length=True
    ).tolist()
    return counts
