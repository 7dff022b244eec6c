"""Folders that are set apart before classes are looked for: copies, masks, unlabelled images."""

from collections import Counter
from collections.abc import Callable, Sequence

from tl_core.data.layout.draft import Draft, Kind, LeftOut, leave_out, overlap
from tl_core.data.layout.tree import Folder, joined
from tl_core.data.layout.words import (
    key,
    says_about,
    says_holder,
    says_unlabelled,
    says_variant,
    without_copy_mark,
)
from tl_core.data.names import Parts, quoted

IsSame = Callable[[int, int], bool]
"""Function that compares the contents of two files, given by index."""
_ALIKE = 0.9
"""Share of equal file names from which two folders are taken for copies."""
_COMPARED = 5
"""Files of two folders whose contents are compared."""

Apart = tuple[list[Folder], list[LeftOut]]


class Separator:
    """Sets folders apart that hold no examples of a class.

    Args:
        files: names of all files.
        is_same: compares the contents of two files; None takes equal names for equal files.
    """

    def __init__(self, files: Sequence[Parts], is_same: IsSame | None) -> None:
        self._files = files
        self._is_same = is_same
        self._separated: dict[Folder, Apart] = {}

    def separate(self, folder: Folder) -> Apart:
        """Return the folders inside that may hold classes, and what the others hold."""
        if folder not in self._separated:
            self._separated[folder] = self._separate(folder)
        return self._separated[folder]

    def _separate(self, folder: Folder) -> Apart:
        kept = folder.filled
        left_out: list[LeftOut] = []
        for look in (self._repetitions, self._copies, _about, _unlabelled):
            if len(kept) > 1:
                kept, found = look(kept)
                left_out += found
        return kept, left_out

    def class_files(self, folder: Folder) -> tuple[list[int], list[LeftOut]]:
        """Return the files of a class folder, without masks that lie in a folder inside it."""
        kept, left_out = _about(folder.filled)
        files = list(folder.files)
        files += [
            index
            for inner in folder.folders.values()
            if not inner.n_images
            for index in inner.all_files()
        ]
        for inner in kept:
            more, apart = self.class_files(inner)
            files += more
            left_out += apart
        return files, left_out

    def _repetitions(self, kept: list[Folder]) -> Apart:
        """Take a folder that repeats the ones around it as a copy of them, or as more of them."""
        left_out = []
        counts = Counter(key(folder.name) for folder in kept)
        for child in list(kept):
            inner = child.core
            # Counted once, since there may be thousands of folders.
            common = {
                name for name in _keys(inner.filled) if counts[name] > (name == key(child.name))
            }
            if len(common) < 2 or 2 * len(common) < len(inner.filled):
                continue
            around = [folder for folder in kept if folder is not child]
            copies = self._copied_files(inner, around, len(child.parts) - 1)
            if copies:
                reason = f"It is in {_shown(child)}, a second copy of the folders around it."
                left_out.append(LeftOut(tuple(copies), "copy", reason))
            kept = _with(around, inner, frozenset(copies))
        return kept, left_out

    def _copies(self, kept: list[Folder]) -> Apart:
        """Leave out a folder that is called a copy of another one and has the same files."""
        left_out = []
        originals: dict[str, Folder] = {}
        # The shortest name first, which is the one without "copy" or "(1)".
        for folder in sorted(kept, key=lambda folder: (len(folder.name), folder.name)):
            name = without_copy_mark(folder.name)
            original = originals.get(name)
            if original is None:
                # Where the name has a mark itself, such as "set (1)", it is no original.
                originals.setdefault(key(folder.name), folder)
            elif self._is_copy(folder, original):
                kept = [other for other in kept if other is not folder]
                reason = f"It is in {_shown(folder)}, a copy of {_shown(original)}."
                left_out.append(leave_out(folder, "copy", reason))
        return kept, left_out

    def _is_copy(self, folder: Folder, original: Folder) -> bool:
        # `Cats` beside `cats` are two spellings of a class.
        if key(folder.name) == key(original.name) and folder.is_flat:
            return False
        base = original.core
        copied = self._copied_files(folder.core, [base], len(base.parts))
        return len(copied) >= _ALIKE * folder.n_files

    def _copied_files(self, inner: Folder, roots: Sequence[Folder], depth: int) -> list[int]:
        """Return the files of `inner` that lie at the same place below `roots`.

        Args:
            depth: number of folders above the place that is compared, in the names below `roots`.
        """
        places = {
            _place(self._files[index], depth): index for root in roots for index in root.all_files()
        }
        pairs = []
        for index in inner.all_files():
            place = _place(self._files[index], len(inner.parts))
            if place in places:
                pairs.append((index, places[place]))
        if not self._are_same(pairs):
            return []
        return [index for index, _ in pairs]

    def _are_same(self, pairs: Sequence[tuple[int, int]]) -> bool:
        if self._is_same is None or not pairs:
            return bool(pairs)
        step = max(1, len(pairs) // _COMPARED)
        return any(self._is_same(*pair) for pair in pairs[::step][:_COMPARED])


def _about(kept: list[Folder]) -> Apart:
    """Leave out masks and the like, and other forms of the same images, beside the images."""
    holders = [
        folder for folder in kept if says_holder(folder.name) and not says_about(folder.name)
    ]
    left_out = []
    for folder in list(kept):
        if not (says_about(folder.name) or says_variant(folder.name)):
            continue
        beside = [other for other in kept if other is not folder]
        if says_about(folder.name):
            is_apart = _all_special(beside, holders) or any(_mirrors(folder, o) for o in beside)
            found = _apart_from(folder, "about", "pictures about the images, such as masks")
        else:
            is_apart = any(_mirrors(folder, o) for o in holders if o is not folder)
            found = _apart_from(folder, "variant", "the same images in another form")
        if is_apart:
            kept = beside
            left_out.append(found)
    return kept, left_out


def _apart_from(folder: Folder, kind: Kind, what: str) -> LeftOut:
    return leave_out(folder, kind, f"It is in {_shown(folder)}, which holds {what}.")


def _all_special(beside: Sequence[Folder], holders: Sequence[Folder]) -> bool:
    """Tell if there is a folder for images in general, and no folder that looks like a class."""
    return any(folder in holders for folder in beside) and all(
        folder in holders or says_about(folder.name) or says_unlabelled(folder.name)
        for folder in beside
    )


def _mirrors(folder: Folder, other: Folder) -> bool:
    """Tell if two folders hold folders of the same names."""
    inside = _keys(folder.core.filled)
    return len(inside) > 1 and overlap(inside, _keys(other.core.filled)) >= 0.8


def _unlabelled(kept: list[Folder]) -> Apart:
    unlabelled = [folder for folder in kept if says_unlabelled(folder.name)]
    if len(unlabelled) == len(kept):
        return kept, []
    left_out = [
        leave_out(folder, "unlabelled", f"It has no label: it is in {_shown(folder)}.")
        for folder in unlabelled
    ]
    return [folder for folder in kept if folder not in unlabelled], left_out


def outside(folder: Folder, draft: Draft) -> Draft:
    """Leave out the files that lie beside the class folders in `folder`."""
    if not folder.files:
        return draft
    reason = "It is not inside a class folder."
    return draft.without(LeftOut(tuple(folder.files), "outside", reason))


def _with(around: Sequence[Folder], inner: Folder, copies: frozenset[int]) -> list[Folder]:
    """Add the folders of `inner` to those of the same name around it."""
    beside = {folder.name: folder for folder in around}
    for folder in inner.filled:
        base = beside.get(folder.name) or Folder((*around[0].parts[:-1], folder.name))
        beside[folder.name] = joined(base, folder, copies)
    return [folder for folder in beside.values() if folder.n_images]


def _keys(folders: Sequence[Folder]) -> set[str]:
    return {key(folder.name) for folder in folders}


def _place(parts: Parts, depth: int) -> Parts:
    return (*map(key, parts[depth:-1]), parts[-1])


def _shown(folder: Folder) -> str:
    return quoted(["/".join(folder.parts)])
