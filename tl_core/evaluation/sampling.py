"""Reproducible, stratified samples."""

from collections.abc import Sequence

import numpy as np

from tl_core.records import ImageRecord

N_SAMPLES = 6
"""Validation images whose predictions are shown while a run trains."""


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


def pick_samples(
    images: Sequence[ImageRecord], positions: Sequence[int], n: int = N_SAMPLES
) -> list[int]:
    """Pick positions from the classes in turn, so that as many classes as possible are seen."""
    by_class: dict[str, list[int]] = {}
    # In a fixed order, so that every call picks the same images.
    for position in sorted(positions):
        by_class.setdefault(images[position].class_name, []).append(position)
    rounds = range(max(map(len, by_class.values()), default=0))
    # In each round one image of every class that has any left.
    return [group[i] for i in rounds for group in by_class.values() if i < len(group)][:n]
