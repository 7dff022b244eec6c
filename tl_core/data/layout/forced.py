"""Reading at a level that the user names, though nothing in the tree suggests it."""

from collections.abc import Sequence
from dataclasses import replace

from tl_core.data.layout.draft import NAMES, Draft, Group, LeftOut
from tl_core.data.layout.file_names import read_labels
from tl_core.data.layout.words import is_split_name, split_role
from tl_core.data.names import Parts
from tl_core.errors import DatasetRefused


def read_at(level: str, files: Sequence[Parts], is_image: Sequence[bool], base_depth: int) -> Draft:
    """Take the folders at a level for the classes, and folders above it for splits if named so.

    Args:
        level: number of the level, from 1, or "names".
        base_depth: number of folders above level 1.

    Raises:
        DatasetRefused: there is no such level, or file names hold no labels.
    """
    if level == NAMES:
        return _from_names(files, is_image)
    deepest = max((len(parts) - 1 - base_depth for parts in files), default=0)
    if not level.isdecimal() or not 1 <= int(level) <= deepest:
        raise DatasetRefused(
            f'There is no level "{level}" in this dataset: choose a number from 1 to '
            f"{max(1, deepest)}, where 1 is the first level with several folders, or "
            f'"{NAMES}" for labels in file names.'
        )
    depth = base_depth + int(level)
    found: dict[Parts, list[int]] = {}
    above = []
    for index, parts in enumerate(files):
        if len(parts) > depth:
            found.setdefault(parts[:depth], []).append(index)
        else:
            above.append(index)
    groups = [
        Group(parts[-1], tuple(indices), depth, _split_of(parts[base_depth:-1]), _parent(parts))
        for parts, indices in found.items()
    ]
    reason = f"It lies above level {level}, which was chosen for the classes."
    return Draft(_learnable(groups), (LeftOut(tuple(above), "outside", reason),))


def _learnable(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Drop the splits if none of the images is for training, so that there is what to learn from.

    Images without a split are for training, too.
    """
    if any(group.split in (None, "train") for group in groups):
        return tuple(groups)
    return tuple(replace(group, split=None) for group in groups)


def _split_of(parts: Parts) -> str | None:
    sides = [split_role(part) for part in parts if is_split_name(part)]
    side = next((side for side in sides if side), None)
    return "test" if side == "eval" else side


def _parent(parts: Parts) -> str:
    return parts[-2] if len(parts) > 1 else ""


def _from_names(files: Sequence[Parts], is_image: Sequence[bool]) -> Draft:
    images = [index for index, likely in enumerate(is_image) if likely]
    labels = read_labels([files[index][-1] for index in images])
    if labels is None:
        raise DatasetRefused(
            "The file names hold no labels. They must begin with the class and end with a number, "
            "such as cat.1.jpg and dog_1.jpg."
        )
    found: dict[tuple[str, str | None], list[int]] = {}
    for index, label in zip(images, labels, strict=True):
        found.setdefault((label, _split_of(files[index][:-1])), []).append(index)
    unnamed = [i for (label, _), indices in found.items() if not label for i in indices]
    groups = [
        Group(label, tuple(indices), 0, side) for (label, side), indices in found.items() if label
    ]
    reason = "Its name has no label."
    return Draft(
        _learnable(groups), (LeftOut(tuple(unnamed), "unlabelled", reason),), is_from_names=True
    )
