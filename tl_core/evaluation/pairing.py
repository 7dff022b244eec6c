"""Pairing of test images across datasets by content, since positions differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tl_core.evaluation.significance import NotComparable
from tl_core.records import ImageRecord, Prediction

Content = tuple[str, int, int]
"""SHA-256 of an image, its label, and its number among copies with the same label."""


def by_content(
    predictions: Sequence[Prediction], images: Sequence[ImageRecord]
) -> dict[Content, Prediction]:
    """Map the content of each image to its prediction.

    Args:
        images: all images of the dataset, by position.
    """
    seen = Counter[tuple[str, int]]()
    found = {}
    # By position, so that copies are numbered in the same way for every run.
    for p in sorted(predictions, key=lambda p: p.position):
        image = (images[p.position].sha256, p.true)
        found[(*image, seen[image])] = p
        seen[image] += 1
    return found


def at_positions_of(
    found: dict[Content, Prediction], there: dict[Content, Prediction]
) -> list[Prediction]:
    """Renumber the predictions `found` to the positions of the same images in `there`.

    Raises:
        NotComparable: the images or their labels differ.
    """
    if found.keys() != there.keys():
        raise NotComparable(
            "The two runs were not tested on the same images: their figures cannot be compared."
        )
    return [replace(p, position=there[content].position) for content, p in found.items()]
