"""Divide a dataset into train, validation and test: seeded, stratified, copies of one file on one side."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tl_core.config import DataConfig
from tl_core.data.names import quoted
from tl_core.data.small_samples import few_warnings
from tl_core.records import ImageRecord, Split

SIDES = {"train": "training", "val": "validation", "test": "test"}
_PREFERENCE = ("test", "val", "train")
"""Where copies go that were handed in on several sides: a leak hurts least when the test stays whole."""


def make_split(images: Sequence[ImageRecord], config: DataConfig) -> Split:
    """Give every image a side. The same images, fractions and seed give the same split.

    Images that came with a side stay there; a side that nobody came with is taken out of train. Fractions are of a
    class's distinct images, so that a file copied a hundred times counts once.
    """
    groups: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in images:
        groups[image.sha256].append(image)
    sides, n_leaks = _given_sides(groups)
    wanted = {"val": config.val_fraction, "test": config.test_fraction}
    fractions = {side: fraction for side, fraction in wanted.items() if side not in sides.values()}
    for class_name, pool in _pools(groups, sides).items():
        sides |= _draw(pool, fractions, random.Random(f"{config.split_seed}:{class_name}"))
    train, val, test = (_positions(images, sides, side) for side in SIDES)
    n_train = Counter(image.class_name for image in images if sides[image.sha256] == "train")
    few = few_warnings(n_train, len(val), len(test))
    return Split(
        train, val, test, (*_leak_warning(n_leaks), *_missing_warnings(images, sides), *few)
    )


def _given_sides(groups: Mapping[str, Sequence[ImageRecord]]) -> tuple[dict[str, str], int]:
    """The side that each group came with, and how many came with more than one."""
    given = {sha: {image.split for image in group if image.split} for sha, group in groups.items()}
    sides = {
        sha: next(s for s in _PREFERENCE if s in splits) for sha, splits in given.items() if splits
    }
    return sides, sum(len(splits) > 1 for splits in given.values())


def _pools(
    groups: Mapping[str, Sequence[ImageRecord]], sides: Mapping[str, str]
) -> dict[str, list[str]]:
    """Groups that may be moved, by class; one that stands under several belongs to the rarest."""
    n_groups = Counter(
        label for group in groups.values() for label in {image.class_name for image in group}
    )
    pools: dict[str, list[str]] = defaultdict(list)
    for sha in sorted(groups):
        if sides.get(sha, "train") == "train":
            label = min(
                {image.class_name for image in groups[sha]}, key=lambda name: (n_groups[name], name)
            )
            pools[label].append(sha)
    return pools


def _draw(
    pool: Sequence[str], fractions: Mapping[str, float], rng: random.Random
) -> dict[str, str]:
    shuffled = rng.sample(pool, len(pool))
    sides = dict.fromkeys(shuffled, "train")
    start = 0
    for side, count in _counts(len(pool), fractions).items():
        sides |= dict.fromkeys(shuffled[start : start + count], side)
        start += count
    return sides


def _counts(n: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Groups for each side besides train: at least one, as long as one is left to train on."""
    counts = {side: max(1, round(fraction * n)) for side, fraction in fractions.items()}
    while sum(counts.values()) > max(0, n - 1):
        counts[max(counts, key=lambda side: counts[side])] -= 1
    return counts


def _positions(
    images: Sequence[ImageRecord], sides: Mapping[str, str], wanted: str
) -> tuple[int, ...]:
    return tuple(sorted(image.position for image in images if sides[image.sha256] == wanted))


def _leak_warning(n_leaks: int) -> Iterable[str]:
    if n_leaks:
        images = "1 image stands" if n_leaks == 1 else f"{n_leaks:,} images stand"
        yield f"{images} in more than one of train, validation and test; each was kept on one side, test first."


def _missing_warnings(images: Sequence[ImageRecord], sides: Mapping[str, str]) -> Iterable[str]:
    present = {(image.class_name, sides[image.sha256]) for image in images}
    classes = sorted({image.class_name for image in images})
    for side, spoken in SIDES.items():
        if missing := [name for name in classes if (name, side) not in present]:
            noun = "The class" if len(missing) == 1 else "The classes"
            verb = "has" if len(missing) == 1 else "have"
            yield f"{noun} {quoted(missing)} {verb} no {spoken} image."
