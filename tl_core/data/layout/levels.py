"""Levels of folders that may be the classes: the outer folders, or those inside them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from tl_core.data.layout.apart import Separator
from tl_core.data.layout.draft import Draft, Group, LeftOut, leave_out, union
from tl_core.data.layout.splits import Read, splits_inside
from tl_core.data.layout.tree import Folder
from tl_core.data.layout.words import is_split_name, key, says_holder, says_part, split_role
from tl_core.data.names import quoted

_MIN_IMAGES = 3
"""Least median number of images of a class, one each for train, validation and test."""
_MOST_INNER = 3
"""Levels inside the outer folders that are looked at."""
_DEEP = 0.95
"""Share of the images that must lie at a level or below it."""


def read_levels(children: Sequence[Folder], read: Read, separator: Separator) -> list[Draft]:
    """Read folders as classes, and as groups of classes where that is plausible, too."""
    if inside := splits_inside(children):
        return [inside]
    if among := _datasets_among(children, read):
        return [among]
    outer = _draft(children, separator)
    if named := _labels_in_parts(children, read):
        return [named, outer]
    if beside := _one_dataset_beside(children, read):
        if beside.has_splits:
            return [beside]
        return [beside, outer] if says_holder(_deep(children)[0].name) else [outer, beside]
    levels = [outer, *_inner_levels(children, outer, separator)]
    first = 0
    # An inner level is preferred only as long as each one before it is.
    while first + 1 < len(levels) and _holds_classes(levels[first], levels[first + 1]):
        first += 1
    drafts = [levels.pop(first), *levels]
    return [*drafts, *_without_tests(children, outer)]


def _draft(children: Sequence[Folder], separator: Separator) -> Draft:
    groups = []
    left_out: list[LeftOut] = []
    for child in children:
        files, apart = separator.class_files(child)
        parents = child.parts[-2:-1]
        groups.append(Group(child.name, tuple(files), len(child.parts), inside="".join(parents)))
        left_out += apart
    return Draft(tuple(groups), tuple(left_out))


def _deep(children: Sequence[Folder]) -> list[Folder]:
    return [folder for folder in children if not folder.is_flat]


def _datasets_among(children: Sequence[Folder], read: Read) -> Draft | None:
    """Read folders of which each holds a dataset with splits of its own as one dataset."""
    deep = [f for f in _deep(children) if any(split_role(inner.name) for inner in f.core.filled)]
    drafts = [draft for folder in deep for draft in read(folder)[:1] if _is_whole(draft)]
    if len(drafts) < 2 or len(drafts) < len(_deep(children)):
        return None
    flat = [_no_class(folder) for folder in children if folder.is_flat]
    return union(drafts).without(*flat)


def _is_whole(draft: Draft) -> bool:
    return draft.has_splits and not _is_one_class(draft)


def _labels_in_parts(children: Sequence[Folder], read: Read) -> Draft | None:
    """Read labels in file names where the folders are called batch1, fold2 and the like."""
    if not all(folder.is_flat and says_part(folder.name) for folder in children):
        return None
    drafts = [draft for folder in children for draft in read(folder)[:1] if draft.is_from_names]
    return union(drafts) if len(drafts) == len(children) else None


def _is_one_class(draft: Draft) -> bool:
    return len(draft.keys) < 2


def _one_dataset_beside(children: Sequence[Folder], read: Read) -> Draft | None:
    """Read the one folder that holds others as the dataset, and what lies beside as unlabelled."""
    deep = _deep(children)
    flat = [folder for folder in children if folder.is_flat]
    if len(deep) != 1 or not flat:
        return None
    draft = next(iter(read(deep[0])), None)
    has_splits = bool(draft and draft.has_splits)
    if not has_splits and any(_names_a_class(folder) for folder in flat):
        return None
    # Beside several folders without others inside, the one is a class that is divided further.
    is_likely = len(flat) == 1 or says_holder(deep[0].name) or has_splits
    if draft is None or _is_one_class(draft) or not is_likely:
        return None
    return replace(draft.without(*map(_no_class, flat)), is_inner=not draft.has_splits)


def _names_a_class(folder: Folder) -> bool:
    """Tell if a folder holds one other folder whose name may be that of a class."""
    inner = folder.filled
    return any(
        key(each.name) != key(folder.name)
        and not says_holder(each.name)
        and not split_role(each.name)
        for each in inner
    )


def _no_class(folder: Folder) -> LeftOut:
    where = quoted(["/".join(folder.parts)])
    reason = f"It has no label: it is in {where}, beside the folders that hold the classes."
    return leave_out(folder, "unlabelled", reason)


@dataclass(slots=True)
class _Level:
    folders: list[Folder]
    left_out: list[LeftOut]
    lost: int
    """Number of images above this level."""


def _inner_levels(children: Sequence[Folder], outer: Draft, separator: Separator) -> list[Draft]:
    """Return a draft for every deeper level whose folders may be the classes."""
    drafts: list[Draft] = []
    n_images = sum(folder.n_images for folder in children)
    level = _Level(list(children), [], 0)
    for _ in range(_MOST_INNER):
        level = _inside(level, separator)
        if not level.folders or level.lost > (1 - _DEEP) * n_images:
            break
        draft = replace(_draft(level.folders, separator), is_inner=True)
        draft = draft.without(*level.left_out)
        if _is_plausible(drafts[-1] if drafts else outer, draft):
            drafts.append(draft)
    return drafts


def _inside(level: _Level, separator: Separator) -> _Level:
    """Return the folders inside those of a level."""
    folders: list[Folder] = []
    inner = _Level(folders, list(level.left_out), level.lost)
    shared = _shared_names(level.folders)
    for folder in level.folders:
        kept, left_out = separator.separate(folder)
        folders += kept
        inner.left_out += left_out
        if folder.images or not kept:
            # Beside folders that agree with each other, one without folders is unlabelled.
            if kept or len(shared) < 2:
                inner.lost += folder.n_images - sum(each.n_images for each in kept)
            files = tuple(folder.files) if kept else tuple(folder.all_files())
            inner.left_out.append(
                LeftOut(files, "outside", "It lies above the folders that are read as classes.")
            )
    return inner


def _shared_names(folders: Sequence[Folder]) -> set[str]:
    counts = Counter(name for folder in folders for name in {key(f.name) for f in folder.filled})
    return {name for name, count in counts.items() if count > 1}


def _is_plausible(outer: Draft, inner: Draft) -> bool:
    """Tell if the inner folders may be classes where the outer ones may be, too."""
    if len(inner.keys) < 2:
        return False
    # Folders for each person or hour hold too few images to be a class.
    if _median_size(inner) < min(_MIN_IMAGES, _median_size(outer)):
        return False
    names = [key(group.name) for group in inner.groups]
    if len(names) > len(outer.groups):
        return True
    # One folder in each divides nothing; its name may still be the better one.
    is_named_anew = len(set(names)) == len(names) and not set(names) & outer.keys
    return is_named_anew and not any(says_holder(name) for name in names)


def _median_size(draft: Draft) -> float:
    sizes: dict[str, int] = defaultdict(int)
    for group in draft.groups:
        sizes[key(group.name)] += len(group.files)
    return median(sizes.values())


def _holds_classes(outer: Draft, inner: Draft) -> bool:
    """Tell if the inner folders are likelier to be the classes than those around them."""
    outer_names = {group.name for group in outer.groups}
    inner_names = {group.name for group in inner.groups}
    if all(says_part(name) for name in inner_names):
        return False
    if all(says_part(name) or says_holder(name) for name in outer_names):
        return True
    if all(len(name) == 1 for name in outer_names):
        # An index of letters, as in a/airport and b/beach.
        indexed = [group.name[0].casefold() == key(group.inside) for group in inner.groups]
        if all(indexed):
            return True
    # Equal names below several folders: those folders do not tell the classes apart.
    found = Counter(key(group.name) for group in inner.groups)
    n_shared = sum(count > 1 for count in found.values())
    return n_shared >= 2 and n_shared >= 0.8 * len(found)


def _without_tests(children: Sequence[Folder], outer: Draft) -> list[Draft]:
    """Read a folder called "test" or the like beside two classes or more as unlabelled images."""
    tests = [
        folder
        for folder in children
        if folder.is_flat and is_split_name(folder.name) and split_role(folder.name) != "train"
    ]
    n_others = len({key(folder.name) for folder in children if folder not in tests})
    if not tests or n_others < 2 or len(tests) == len(children):
        return []
    names = {folder.name for folder in tests}
    groups = tuple(group for group in outer.groups if group.name not in names)
    draft = replace(outer, groups=groups).without(*map(_no_class, tests))
    # The level is the same, so that another name tells the two readings apart.
    return [replace(draft, level=f"without-{sorted(names)[0]}")]
