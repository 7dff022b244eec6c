"""Seeded, stratified split into train, validation and test that keeps copies on one side."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tl_core.config import DataConfig
from tl_core.data.copies import content_keys
from tl_core.data.names import quoted
from tl_core.data.small_samples import few_warnings
from tl_core.records import ImageRecord, Split
from tl_core.text import natural_key

SIDES = {"train": "training", "val": "validation", "test": "test"}
_PREFERENCE = ("test", "val", "train")
"""Sides in the order of preference for copies that came on several: the test set stays complete."""


def make_split(images: Sequence[ImageRecord], config: DataConfig) -> Split:
    """Assign every image to a side. The same images, fractions and seed give the same split.

    Images that came with a side stay there; a side without any is drawn from train. Fractions refer
    to a class's distinct images, so that one copied a hundred times counts once. Copies have the
    same pixels, whatever their bytes.
    """
    keys = content_keys(images)
    groups: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in images:
        groups[keys[image.sha256]].append(image)
    drawn, n_leaks = _own_sides(groups)
    wanted = {"val": config.val_fraction, "test": config.test_fraction}
    fractions = {side: fraction for side, fraction in wanted.items() if side not in drawn.values()}
    for class_name, pool in _pools(groups, drawn).items():
        # A generator per class: adding a class leaves the split of the others unchanged.
        drawn |= _draw(pool, fractions, random.Random(f"{config.split_seed}:{class_name}"))
    sides = {sha256: drawn[key] for sha256, key in keys.items()}
    train, val, test = (_positions(images, sides, side) for side in SIDES)
    n_train = Counter(image.class_name for image in images if sides[image.sha256] == "train")
    warnings = (
        *_leak_warning(n_leaks),
        *_missing_warnings(images, sides),
        *few_warnings(n_train, len(val), len(test)),
    )
    return Split(train, val, test, warnings)


def _own_sides(groups: Mapping[str, Sequence[ImageRecord]]) -> tuple[dict[str, str], int]:
    """Return the side that each group came with, and the number that came with more than one."""
    sides = {}
    n_leaks = 0
    for key, group in groups.items():
        own = {image.split for image in group if image.split}
        if own:
            sides[key] = next(side for side in _PREFERENCE if side in own)
        n_leaks += len(own) > 1
    return sides, n_leaks


def _pools(
    groups: Mapping[str, Sequence[ImageRecord]], sides: Mapping[str, str]
) -> dict[str, list[str]]:
    """List the groups to divide, by class; a group under several classes belongs to the rarest."""
    n_groups = Counter(
        label for group in groups.values() for label in {image.class_name for image in group}
    )
    pools: dict[str, list[str]] = defaultdict(list)
    # Sorted by content: the order of the images must not change the split.
    for key in sorted(groups):
        if sides.get(key, "train") == "train":
            labels = {image.class_name for image in groups[key]}
            pools[min(labels, key=lambda name: (n_groups[name], name))].append(key)
    return pools


def _draw(
    pool: Sequence[str], fractions: Mapping[str, float], rng: random.Random
) -> dict[str, str]:
    # A shuffled copy; `rng.shuffle` would change the caller's list.
    shuffled = rng.sample(pool, len(pool))
    sides = dict.fromkeys(shuffled, "train")
    start = 0
    for side, count in _counts(len(pool), fractions).items():
        sides |= dict.fromkeys(shuffled[start : start + count], side)
        start += count
    return sides


def _counts(n: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Count the groups for validation and test: at least one each, if one is left for training."""
    counts = {side: max(1, round(fraction * n)) for side, fraction in fractions.items()}
    while sum(counts.values()) > max(0, n - 1):
        # The larger side gives way, so that the other keeps an image as long as possible.
        counts[max(counts, key=lambda side: counts[side])] -= 1
    return counts


def _positions(
    images: Sequence[ImageRecord], sides: Mapping[str, str], wanted: str
) -> tuple[int, ...]:
    return tuple(sorted(image.position for image in images if sides[image.sha256] == wanted))


def _leak_warning(n_leaks: int) -> Iterable[str]:
    if n_leaks:
        images = "1 image stands" if n_leaks == 1 else f"{n_leaks:,} images stand"
        yield (
            f"{images} in more than one of train, validation and test; each was kept on one side, "
            "test first."
        )


def _missing_warnings(images: Sequence[ImageRecord], sides: Mapping[str, str]) -> Iterable[str]:
    present = {(image.class_name, sides[image.sha256]) for image in images}
    classes = sorted({image.class_name for image in images}, key=natural_key)
    for side, spoken in SIDES.items():
        if missing := [name for name in classes if (name, side) not in present]:
            sentence = "The class {} has" if len(missing) == 1 else "The classes {} have"
            yield f"{sentence.format(quoted(missing))} no {spoken} image."
