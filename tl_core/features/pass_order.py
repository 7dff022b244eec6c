"""Order in which images pass through the frozen prefix, so that learning can be watched early."""

from collections.abc import Sequence

import numpy as np

Chunks = tuple[tuple[int, ...], ...]
"""Indices of one side's images in the order of the pass, in chunks; each index occurs once."""

_FIRST_CHUNK = 32
"""Images of the first chunk, after which a first classifier can be fitted."""
_SHARE_OF_ALL = 1 / 8
"""Largest share of the images in a chunk: a chunk's augmented views pass before the next chunk."""


def mixed_order(labels: Sequence[int], seed: int) -> list[int]:
    """Return the indices of `labels` in random order, with every class spread evenly over it.

    The first part of any length then holds about its share of every class, and a class of k images
    appears within the first k-th part. The order depends on `labels` and `seed` alone.
    """
    generator = np.random.default_rng(seed)
    of_image = np.asarray(labels, dtype=np.int64)
    places = np.empty(len(of_image))
    for label in np.unique(of_image):
        members = generator.permutation(np.flatnonzero(of_image == label))
        # One image at a random place in each of k equal parts.
        places[members] = (np.arange(len(members)) + generator.random(len(members))) / len(members)
    order: list[int] = np.argsort(places, kind="stable").tolist()
    return order


def cut_into_chunks(order: Sequence[int], batch_size: int) -> Chunks:
    """Cut an order into chunks of whole batches, which double in size up to an eighth of all.

    Small chunks show something early; larger ones save the start of a new pass over files.
    """
    size = -(-_FIRST_CHUNK // batch_size) * batch_size
    largest = max(2 * size, int(_SHARE_OF_ALL * len(order)) // batch_size * batch_size)
    chunks = []
    start = 0
    while start < len(order):
        chunks.append(tuple(order[start : start + size]))
        start += size
        size = min(2 * size, largest)
    return tuple(chunks)
