"""Reproducible, stratified samples."""

from collections.abc import Sequence

import numpy as np


def sample_evenly(labels: Sequence[int], most: int, seed: int = 0) -> list[int]:
    """Choose at most `most` indices, stratified by class, one of each class if possible."""
    n = len(labels)
    if n <= most:
        return list(range(n))
    shuffled = np.random.default_rng(seed).permutation(n)
    of_class = np.asarray(labels, dtype=np.int64)[shuffled]
    sizes = np.bincount(of_class)
    by_class = np.argsort(of_class, kind="stable")
    place_in_class = np.empty(n, dtype=np.int64)
    # Places in the order by class, less the place where each class begins.
    place_in_class[by_class] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # The first of each class has share 0, and so is chosen before any second one.
    shares = place_in_class / sizes[of_class]
    chosen: list[int] = np.sort(shuffled[np.argsort(shares, kind="stable")[:most]]).tolist()
    return chosen
