"""Errors and warnings about a whole dataset, such as too few images, copies or uneven classes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tl_core.data.copies import content_keys
from tl_core.data.decoding import Span
from tl_core.data.layout import EXAMPLE
from tl_core.data.names import quoted
from tl_core.errors import ClassTooSmall, TooFewClasses
from tl_core.records import ImageRecord, Levels, SkippedFile
from tl_core.text import natural_key, number_of, shorten

MIN_DISTINCT = 3
"""Least number of distinct images in a class: one each for train, validation and test."""
MOST_NAMED = 3
"""Groups of copies that a warning names."""
_SAMPLES = {"16-bit": "16-bit", "integer": "integer", "float": "floating-point"}
_USUAL = (("16-bit", 0.0, 65535.0), ("float", 0.0, 1.0))
"""Levels that need no mention."""
UNEVEN = 5
"""Ratio of the largest to the smallest class from which a warning is given."""


def refuse_unusable(images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]) -> None:
    """Check that a model could be trained and evaluated on these images.

    Raises:
        TooFewClasses: fewer than two classes have usable images.
        ClassTooSmall: a class cannot appear in train, validation and test.
    """
    # Copies of one image stay on one side of the split, so they cannot fill all three.
    distinct = _distinct(images)
    if len(distinct) < 2:
        problem = _too_few_classes(list(distinct))
        raise TooFewClasses(f"{problem} {EXAMPLE}{_why_skipped(skipped)}")
    # A split that came with the dataset may leave a class out of a side, which only gets a warning.
    has_own_split = any(image.split for image in images)
    names = sorted(distinct, key=natural_key)
    small = {name: len(distinct[name]) for name in names if len(distinct[name]) < MIN_DISTINCT}
    if small and not has_own_split:
        listed = quoted([f"{name}: {count}" for name, count in small.items()])
        raise ClassTooSmall(
            f"Every class needs at least {MIN_DISTINCT} different usable images, one each for "
            f"training, validation and test. Too small: {listed}. Add images or leave the class "
            f"out.{_why_skipped(skipped)}"
        )


def find_oddities(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    """Return warnings about contradictory labels, copies and uneven classes."""
    keys = content_keys(images)
    copies: dict[str, list[ImageRecord]] = defaultdict(list)
    for image in images:
        copies[keys[image.sha256]].append(image)
    warnings = (
        _contradictions(copies),
        _duplicates(copies),
        _unevenness(Counter(image.class_name for image in images)),
    )
    return tuple(warning for warning in warnings if warning)


def describe_levels(levels: Levels, spans: Sequence[Span]) -> tuple[str, ...]:
    """Return a sentence for each kind of samples that are not scaled as their type suggests."""
    counts = Counter(span.kind for span in spans)
    return tuple(
        f"{number_of(counts[kind], 'image has', 'images have')} {_SAMPLES[kind]} samples, scaled "
        f"alike in the whole dataset: {_exact(black)} is black and {_exact(white)} is white"
        f"{_bits_in_use(kind, black, white)}. Images shown to a model later are scaled so, too."
        for kind, black, white in levels
        if (kind, black, white) not in _USUAL
    )


def _exact(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def _bits_in_use(kind: str, black: float, white: float) -> str:
    bits = int(white + 1).bit_length() - 1
    is_power = black == 0 and white + 1 == 2**bits
    return f" ({bits} bits are in use)" if is_power and kind != "float" else ""


def _distinct(images: Sequence[ImageRecord]) -> dict[str, set[str]]:
    keys = content_keys(images)
    distinct: dict[str, set[str]] = defaultdict(set)
    for image in images:
        distinct[image.class_name].add(keys[image.sha256])
    return distinct


def _too_few_classes(classes: list[str]) -> str:
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
    groups = [group for group in copies.values() if _n_classes(group) > 1]
    if not groups:
        return ""
    images = "1 image stands" if len(groups) == 1 else f"{len(groups):,} images stand"
    return (
        f"{images} under more than one class, pixel for pixel: {_some(groups)}. The labels cannot "
        "all be right."
    )


def _duplicates(copies: Mapping[str, Sequence[ImageRecord]]) -> str:
    # Copies under several classes are reported as contradictions.
    groups = [group for group in copies.values() if len(group) > 1 and _n_classes(group) == 1]
    if not groups:
        return ""
    extra = sum(len(group) - 1 for group in groups)
    files = "1 file is an exact copy" if extra == 1 else f"{extra:,} files are exact copies"
    return (
        f"{files} of another in its class, pixel for pixel: {_some(groups)}. Copies stay on one "
        "side of the split, so that the test remains honest."
    )


def _n_classes(group: Sequence[ImageRecord]) -> int:
    return len({image.class_name for image in group})


def _some(groups: Sequence[Sequence[ImageRecord]]) -> str:
    """Name pairs of copies, such as `"a.png" and "b.png"; "c.png" and "d.png"; and 4 more`."""
    named = [
        " and ".join(f'"{shorten(image.name)}"' for image in group[:2])
        for group in groups[:MOST_NAMED]
    ]
    if len(groups) > MOST_NAMED:
        named.append(f"and {len(groups) - MOST_NAMED:,} more")
    return "; ".join(named)


def _unevenness(counts: Counter[str]) -> str:
    large, most = counts.most_common(1)[0]
    # Ties are broken by name, so that the warning is always the same.
    small, least = min(counts.items(), key=lambda item: (item[1], item[0]))
    if most < UNEVEN * least:
        return ""
    return (
        f'The classes are uneven: "{shorten(large, 60)}" has {most:,} images and '
        f'"{shorten(small, 60)}" has {least:,}. Look at each class\'s own figures and not only '
        "at accuracy."
    )
