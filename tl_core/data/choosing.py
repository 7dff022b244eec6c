"""Choice among the plausible readings of a dataset's folders."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tl_core.data.layout import Layout, read_classes, read_layout
from tl_core.data.sources import Entry, Listing
from tl_core.errors import ImageUnusable
from tl_core.text import number_of

EXAMPLES = 4
"""Files of each class that stand for it."""


@dataclass(frozen=True, slots=True)
class Example:
    index: int
    """Index of the file in the listing."""
    name: str
    """Path inside the dataset. User text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a dataset's folders."""

    level: str
    """Name of the reading, as `--classes-at` takes it."""
    sentence: str
    """Sentence that says how the folders are read; holds user text."""
    counts: Mapping[str, int]
    """Files of each class that may be images."""
    examples: Mapping[str, tuple[Example, ...]]
    """A few files of each class."""


Choose = Callable[[Sequence[Reading], Listing], str]
"""Function that returns the level of one of the readings, of which the first is the likeliest."""


def read_listing(
    listing: Listing, classes_at: str | None = None, choose: Choose | None = None
) -> tuple[Layout, tuple[Reading, ...]]:
    """Read a source's folders, and return the other plausible readings after the one that is taken.

    Args:
        classes_at: level to take; None takes the likeliest, or asks `choose` if there are several.

    Raises:
        DatasetRefused: as `read_layout`.
    """
    files = [entry.parts for entry in listing.entries]
    if listing.are_classes:
        layout = read_classes(files)
        return layout, (_reading(layout, listing),)
    layout = read_layout(
        files, listing.folders, classes_at=classes_at, is_same=_comparing(listing.entries)
    )
    readings = [_reading(each, listing) for each in layout.readings]
    if choose and classes_at is None and layout.others:
        level = choose(readings, listing)
        chosen = next(place for place, each in enumerate(readings) if each.level == level)
        layout = layout.readings[chosen]
        readings.insert(0, readings.pop(chosen))
    return layout, tuple(readings)


def final_sentence(layout: Layout, classes: Collection[str]) -> str:
    """Return the sentence of a reading, with the classes of which no image could be used."""
    missing = sum(name not in classes for name in layout.counts)
    if not missing or not layout.sentence:
        return layout.sentence
    have = "has" if missing == 1 else "have"
    return (
        f"{layout.sentence} {number_of(missing, 'class', 'classes')} of them {have} no usable "
        "image and cannot be learned."
    )


def _reading(layout: Layout, listing: Listing) -> Reading:
    indices: dict[str, list[int]] = {name: [] for name in layout.counts}
    for place in layout.places:
        if place.class_name in indices:
            indices[place.class_name].append(place.index)
    examples = {name: _spread(found, listing) for name, found in indices.items()}
    return Reading(layout.level, layout.sentence, layout.counts, examples)


def _spread(indices: Sequence[int], listing: Listing) -> tuple[Example, ...]:
    """Take files from all over a class, so that each folder inside it may be among them."""
    n = min(EXAMPLES, len(indices))
    chosen = [indices[place * len(indices) // n] for place in range(n)]
    return tuple(Example(index, "/".join(listing.entries[index].parts)) for index in chosen)


def _comparing(entries: Sequence[Entry]) -> Callable[[int, int], bool]:
    def is_same(one: int, other: int) -> bool:
        try:
            # The first chunk tells images apart, which are compressed.
            return next(entries[one].read(), b"") == next(entries[other].read(), b"")
        except ImageUnusable:
            return False

    return is_same
