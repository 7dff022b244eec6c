"""Drafts of a reading: which folders are classes, which files have no class, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tl_core.data.layout.tree import Folder
from tl_core.data.layout.words import key

Kind = Literal["unlabelled", "copy", "about", "variant", "outside"]
"""Kind of images without a class: without label, a second copy, masks and the like, the same images
in another form, or outside all class folders."""
NAMES = "names"
"""Level of a reading that takes the classes from file names."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files under one name; several groups may make one class."""

    name: str
    files: tuple[int, ...]
    depth: int
    """Number of folders from the root to the class folder; 0 for labels in file names."""
    split: str | None = None
    inside: str = ""
    """Name of the folder around the class folder."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    files: tuple[int, ...]
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    groups: tuple[Group, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    is_from_names: bool = False
    level: str = ""
    """Level where it is not the depth of the class folders."""
    is_inner: bool = False
    """True if the classes lie in folders that could be classes themselves."""

    @property
    def keys(self) -> set[str]:
        return {key(group.name) for group in self.groups}

    @property
    def has_splits(self) -> bool:
        return any(group.split for group in self.groups)

    def without(self, *left_out: LeftOut) -> "Draft":
        """Return this draft with more files left out."""
        return replace(self, left_out=(*self.left_out, *left_out)) if left_out else self


@dataclass(slots=True)
class Problems:
    """Reasons why a tree cannot be read, collected on the way."""

    sentences: list[str] = field(default_factory=list)


def leave_out(folder: Folder, kind: Kind, reason: str) -> LeftOut:
    return LeftOut(tuple(folder.all_files()), kind, reason)


def overlap(some: set[str], others: set[str]) -> float:
    """Return the share of the smaller set that lies in both, 0 to 1."""
    smaller = min(len(some), len(others))
    return len(some & others) / smaller if smaller else 0.0


def union(drafts: Sequence[Draft]) -> Draft:
    """Join drafts of several folders."""
    return Draft(
        groups=tuple(group for draft in drafts for group in draft.groups),
        left_out=tuple(left for draft in drafts for left in draft.left_out),
        notes=tuple(dict.fromkeys(note for draft in drafts for note in draft.notes)),
        is_from_names=any(draft.is_from_names for draft in drafts),
        is_inner=any(draft.is_inner for draft in drafts),
    )
