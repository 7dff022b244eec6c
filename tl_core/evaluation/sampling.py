"""Some of many images, the same ones whenever it is asked, every class among them as far as they reach."""

from collections.abc import Sequence

import numpy as np


def sample_evenly(labels: Sequence[int], most: int, seed: int = 0) -> list[int]:
    """At most `most` places of `labels`, in order: of each class its share, and at least one while there is room."""
    n = len(labels)
    if n <= most:
        return list(range(n))
    shuffled = np.random.default_rng(seed).permutation(n)
    of_class = np.asarray(labels, dtype=np.int64)[shuffled]
    sizes, by_class = np.bincount(of_class), np.argsort(of_class, kind="stable")
    place_in_class = np.empty(n, dtype=np.int64)
    place_in_class[by_class] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    shares = place_in_class / sizes[of_class]  # 0 for the first of each class
    chosen: list[int] = np.sort(shuffled[np.argsort(shares, kind="stable")[:most]]).tolist()
    return chosen
