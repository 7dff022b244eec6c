"""Folders that are the splits of a dataset: train, validation and test."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tl_core.data.layout.apart import outside
from tl_core.data.layout.draft import (
    Draft,
    Group,
    LeftOut,
    Problems,
    leave_out,
    overlap,
    union,
)
from tl_core.data.layout.tree import Folder
from tl_core.data.layout.words import (
    is_split_name,
    key,
    says_holder,
    split_role,
    without_split,
    words,
)
from tl_core.data.names import quoted

Read = Callable[[Folder], list[Draft]]
"""Function that reads a folder; the likeliest draft comes first."""
_AGREE = 0.5
"""Share of class names that two splits must have in common."""
SPOKEN = {"train": "train", "val": "validation", "test": "test"}


def read_splits(children: Sequence[Folder], read: Read, problems: Problems) -> list[Draft] | None:
    """Read folders as splits; None if they are none, empty if they are but cannot be learned from.

    A word such as "train" in a name is never enough: the folders must hold classes, and several of
    them the same classes. Otherwise a class may be called so.
    """
    roles = _roles(children)
    if not roles:
        return None
    if joined := _split_and_class(children, roles):
        return [joined]
    drafts = {folder: _usable(folder, read(folder)) for folder in roles}
    labelled = [folder for folder in roles if drafts[folder]]
    if "train" not in {roles[folder] for folder in labelled}:
        partner = _unnamed_train(children, roles, labelled, drafts, read)
        if partner is None:
            return _refuse(children, roles, labelled, problems)
        roles = {partner: "train", **roles}
        drafts[partner] = read(partner)
        labelled.append(partner)
    elif not _are_splits(children, roles, labelled, drafts):
        return None
    return _combine(children, roles, drafts)


def _roles(children: Sequence[Folder]) -> dict[Folder, str]:
    """Return the split of each folder whose name says one."""
    found = {folder: split_role(folder.name) for folder in children}
    named = {folder: role for folder, role in found.items() if role}
    tests = [folder for folder, role in named.items() if role == "test"]
    public = [folder for folder in tests if "public" in words(folder.name)]
    # The convention of FER, which comes from a contest: the public part chose, the private judged.
    if public and len(public) < len(tests) and "val" not in named.values():
        named |= dict.fromkeys(public, "val")
    evaluation = "val" if "test" in named.values() else "test"
    return {folder: evaluation if role == "eval" else role for folder, role in named.items()}


def _split_and_class(children: Sequence[Folder], roles: dict[Folder, str]) -> Draft | None:
    """Read folders whose names say both split and class, such as train_cats and test_cats."""
    if len(roles) < len(children) or not all(folder.is_flat for folder in children):
        return None
    groups = []
    classes: dict[str, set[str]] = {}
    for folder, role in roles.items():
        name = without_split(folder.name)
        classes.setdefault(role, set()).add(key(name))
        groups.append(Group(name, tuple(folder.all_files()), len(folder.parts), role))
    train = classes.pop("train", set())
    # Numbers count parts of a split, as in train1 and train2.
    are_named = all(any(letter.isalpha() for letter in name) for name in train)
    if len(train) < 2 or not are_named or not classes:
        return None
    agree = all(overlap(train, names) >= _AGREE for names in classes.values())
    return Draft(tuple(groups)) if agree else None


def _usable(folder: Folder, drafts: list[Draft]) -> list[Draft]:
    """Drop what is no class: a single folder that repeats the split's name or says "images"."""
    return [draft for draft in drafts if not _is_wrapped(folder, draft)]


def _is_wrapped(folder: Folder, draft: Draft) -> bool:
    names = {group.name for group in draft.groups}
    if len(names) > 1:
        return False
    name = next(iter(names), "")
    return (
        folder.is_flat
        and not draft.is_from_names
        and (key(name) == key(folder.name) or bool(split_role(name)) or says_holder(name))
    )


def _are_splits(
    children: Sequence[Folder],
    roles: dict[Folder, str],
    labelled: Sequence[Folder],
    drafts: dict[Folder, list[Draft]],
) -> bool:
    main = next(drafts[folder][0] for folder in labelled if roles[folder] == "train")
    fitting = [_fitting(main, drafts[folder]) for folder in labelled if roles[folder] != "train"]
    others = [draft for draft in fitting if draft]
    if others:
        agree = any(overlap(main.keys, draft.keys) >= _AGREE for draft in others)
        return agree or (len(roles) == len(children) and all(is_split_name(f.name) for f in roles))
    # Beside a labelled train, a test without labels is usual, as in competitions.
    if any(roles[folder] != "train" for folder in roles):
        return len(main.keys) > 1
    return len(roles) == len(children)


def _unnamed_train(
    children: Sequence[Folder],
    roles: dict[Folder, str],
    labelled: Sequence[Folder],
    drafts: dict[Folder, list[Draft]],
    read: Read,
) -> Folder | None:
    """Return the one folder beside a labelled test that holds the same classes."""
    others = [folder for folder in children if folder not in roles]
    if len(others) != 1 or not labelled or not (others[0].core.filled):
        return None
    # `control` beside `test` may be two classes; `images` beside `test`, or `pets` beside
    # `pets_test`, are not.
    name = others[0].name
    is_named_alike = any(set(words(name)) < set(words(folder.name)) for folder in labelled)
    found = read(others[0])
    if not found or not (says_holder(name) or is_named_alike):
        return None
    agree = any(overlap(found[0].keys, _keys(drafts[folder])) >= _AGREE for folder in labelled)
    return others[0] if agree else None


def _refuse(
    children: Sequence[Folder],
    roles: dict[Folder, str],
    labelled: Sequence[Folder],
    problems: Problems,
) -> list[Draft] | None:
    """Note why splits without a labelled train cannot be learned from, if these are splits."""
    if len(roles) < len(children) or not all(is_split_name(folder.name) for folder in roles):
        return None
    without = [folder.name for folder in roles if folder not in labelled]
    problem = "There is no train folder to learn from."
    if without:
        problem = f"{quoted(without)} holds images directly, so that their classes are not known."
    problems.sentences.append(
        f"{problem} Make a folder for each class inside, such as train/cats/1.jpg."
    )
    return []


def _combine(
    children: Sequence[Folder], roles: dict[Folder, str], drafts: dict[Folder, list[Draft]]
) -> list[Draft]:
    """Join the splits, once for each way to read the train folder."""
    train = next(folder for folder, role in roles.items() if role == "train" and drafts[folder])
    left_out = [_extra(folder) for folder in children if folder not in roles]
    combined = []
    for main in drafts[train]:
        parts = [_in_split(main, "train")]
        unlabelled = []
        for folder, role in roles.items():
            fitting = _fitting(main, drafts[folder])
            if folder is train:
                continue
            if fitting is None:
                unlabelled.append(_no_labels(folder, train))
            else:
                parts.append(_in_split(fitting, role))
        draft = union(parts).without(*left_out, *unlabelled)
        combined.append(replace(draft, notes=(*draft.notes, *_told(roles)), level=main.level))
    return combined


def _fitting(main: Draft, drafts: Sequence[Draft]) -> Draft | None:
    """Return the draft of another split that has most class names in common with train."""
    # One folder that is no class of train holds images without labels, as in test/unknown.
    able = [draft for draft in drafts if len(draft.keys) > 1 or draft.keys & main.keys]
    able = [draft for draft in able if draft.is_from_names == main.is_from_names]
    return max(able, key=lambda draft: overlap(main.keys, draft.keys), default=None)


def _in_split(draft: Draft, split: str) -> Draft:
    groups = tuple(replace(group, split=split) for group in draft.groups)
    return replace(draft, groups=groups)


def _no_labels(folder: Folder, train: Folder) -> LeftOut:
    where = quoted(["/".join(folder.parts)])
    reason = f"It has no label: {where} has no class folders as {quoted([train.name])} has."
    return leave_out(folder, "unlabelled", reason)


def _extra(folder: Folder) -> LeftOut:
    where = quoted(["/".join(folder.parts)])
    if folder.is_flat:
        return leave_out(folder, "unlabelled", f"It has no label: it is in {where}.")
    return leave_out(folder, "outside", f"It is in {where}, which is none of the splits.")


def _told(roles: dict[Folder, str]) -> list[str]:
    """Say what a folder was taken as where its name does not say it outright."""
    unsaid = [folder for folder, role in roles.items() if split_role(folder.name) != role]
    # Where one of two tests is the validation, it is said which one is the test.
    if any(split_role(folder.name) == "test" for folder in unsaid):
        unsaid += [folder for folder, role in roles.items() if role == "test"]
    return [f"{quoted([f.name])} is taken as the {SPOKEN[roles[f]]} set." for f in unsaid]


def _keys(drafts: Sequence[Draft]) -> set[str]:
    return drafts[0].keys if drafts else set()


def splits_inside(children: Sequence[Folder]) -> Draft | None:
    """Read classes whose folders hold the splits, such as cats/train and cats/test."""
    groups = []
    left_out: list[LeftOut] = []
    for child in children:
        inner = child.filled
        named = {folder: split_role(folder.name) for folder in inner}
        is_divided = len(inner) > 1 and all(is_split_name(f.name) and f.is_flat for f in inner)
        if not is_divided or "train" not in named.values():
            return None
        left_out += outside(child, Draft(())).left_out
        for folder, role in named.items():
            side = "test" if role == "eval" else role
            files = tuple(folder.all_files())
            groups.append(Group(child.name, files, len(child.parts), side))
    return Draft(tuple(groups), tuple(left_out))
