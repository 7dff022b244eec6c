"""The same test images in two datasets: known by their content, since each dataset has positions of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tl_core.evaluation.significance import NotComparable
from tl_core.records import ImageRecord, Prediction

Content = tuple[str, int, int]
"""An image's SHA-256, its label, and how many copies of it, alike in both, stand before it."""


def by_content(
    predictions: Sequence[Prediction], images: Sequence[ImageRecord]
) -> dict[Content, Prediction]:
    """Each prediction, by what it is of.

    Args:
        images: of the whole dataset, by position.
    """
    seen = Counter[tuple[str, int]]()
    found = {}
    for p in sorted(predictions, key=lambda p: p.position):
        what = images[p.position].sha256, p.true
        found[(*what, seen[what])] = p
        seen[what] += 1
    return found


def at_positions_of(
    found: dict[Content, Prediction], there: dict[Content, Prediction]
) -> list[Prediction]:
    """`found`, under the positions that the same images have in the dataset of `there`.

    Raises:
        NotComparable: they are not of the same images under the same labels.
    """
    if found.keys() != there.keys():
        raise NotComparable(
            "The two runs were not tested on the same images: their figures cannot be compared."
        )
    return [replace(p, position=there[content].position) for content, p in found.items()]
