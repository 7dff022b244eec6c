"""Sentences about a dataset: what is odd but usable, and what makes it unusable."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tl_core.data.layout import EXAMPLE
from tl_core.data.names import quoted
from tl_core.errors import ClassTooSmall, TooFewClasses
from tl_core.records import ImageRecord, SkippedFile
from tl_core.text import shorten

MIN_DISTINCT = 3
"""One image each for train, validation and test."""
MOST_NAMED = 3
"""Groups of copies that are named."""
UNEVEN = 5
"""Times the largest class over the smallest from which it is worth saying."""


def refuse_unusable(images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]) -> None:
    """Stop where no model could be trained and judged.

    Raises:
        TooFewClasses: fewer than two classes have usable images.
        ClassTooSmall: a class cannot appear in train, validation and test.
    """
    distinct = _distinct(images)
    if len(distinct) < 2:
        raise TooFewClasses(f"{_found(list(distinct))} {EXAMPLE}{_why_skipped(skipped)}")
    has_own_split = any(image.split for image in images)
    small = {name: len(shas) for name, shas in sorted(distinct.items()) if len(shas) < MIN_DISTINCT}
    if small and not has_own_split:
        listed = quoted([f"{name}: {count}" for name, count in small.items()])
        raise ClassTooSmall(
            f"Every class needs at least {MIN_DISTINCT} different usable images, one each for training, validation "
            f"and test. Too small: {listed}. Add images or leave the class out.{_why_skipped(skipped)}"
        )


def find_oddities(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    """Contradictory labels, copies, uneven classes: a sentence for each that is there."""
    copies: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in images:
        copies[image.sha256].append(image)
    found = (
        _contradictions(copies),
        _duplicates(copies),
        _unevenness(Counter(image.class_name for image in images)),
    )
    return tuple(sentence for sentence in found if sentence)


def _distinct(images: Sequence[ImageRecord]) -> dict[str, set[str]]:
    distinct: dict[str, set[str]] = defaultdict(set)
    for image in images:
        distinct[image.class_name].add(image.sha256)
    return distinct


def _found(classes: list[str]) -> str:
    if not classes:
        return "No class with a usable image was found; at least two classes are needed."
    return f"Only one class was found, {quoted(classes)}; at least two are needed."


def _why_skipped(skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return ""
    reason, count = Counter(file.reason for file in skipped).most_common(1)[0]
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped):,} files were"
    return f" {files} left out, {count:,} of them for this reason: {reason}"


def _contradictions(copies: Mapping[str, Sequence[ImageRecord]]) -> str:
    torn = [group for group in copies.values() if len({image.class_name for image in group}) > 1]
    if not torn:
        return ""
    images = "1 image stands" if len(torn) == 1 else f"{len(torn):,} images stand"
    return f"{images} under more than one class, byte for byte: {_some(torn)}. The labels cannot all be right."


def _duplicates(copies: Mapping[str, Sequence[ImageRecord]]) -> str:
    """Within a class: what stands under several was told already."""
    groups = [
        group
        for group in copies.values()
        if len(group) > 1 and len({image.class_name for image in group}) == 1
    ]
    if not groups:
        return ""
    extra = sum(len(group) - 1 for group in groups)
    files = "1 file is an exact copy" if extra == 1 else f"{extra:,} files are exact copies"
    return (
        f"{files} of another in its class: {_some(groups)}. Copies stay on one side of the split, so that the test "
        "remains honest."
    )


def _some(groups: Sequence[Sequence[ImageRecord]]) -> str:
    """`"a.png" and "b.png"; "c.png" and "d.png"; and 4 more`."""
    pairs = [
        " and ".join(f'"{shorten(image.name)}"' for image in group[:2])
        for group in groups[:MOST_NAMED]
    ]
    return "; ".join(
        [*pairs, f"and {len(groups) - MOST_NAMED:,} more"] if len(groups) > MOST_NAMED else pairs
    )


def _unevenness(counts: Counter[str]) -> str:
    (large, most), (small, least) = (
        counts.most_common(1)[0],
        min(counts.items(), key=lambda item: (item[1], item[0])),
    )
    if most < UNEVEN * least:
        return ""
    return (
        f'The classes are uneven: "{shorten(large, 60)}" has {most:,} images and "{shorten(small, 60)}" has {least:,}. '
        "Look at each class's own figures and not only at accuracy."
    )
