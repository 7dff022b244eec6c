"""Reading of folder trees: candidate levels are weighed, and other plausible ones kept beside."""

from collections.abc import Sequence

from tl_core.data.layout.apart import IsSame, Separator, outside
from tl_core.data.layout.draft import Draft, Group, LeftOut, Problems, leave_out
from tl_core.data.layout.file_kinds import why_no_image
from tl_core.data.layout.file_names import read_labels
from tl_core.data.layout.forced import read_at
from tl_core.data.layout.levels import read_levels
from tl_core.data.layout.reading import Layout, make_reading
from tl_core.data.layout.splits import read_splits
from tl_core.data.layout.tree import Folder, empty_folders, make_tree
from tl_core.data.names import Parts
from tl_core.errors import DatasetRefused
from tl_core.records import SkippedFile


def read_layout(
    files: Sequence[Parts],
    folders: Sequence[Parts] = (),
    *,
    classes_at: str | None = None,
    is_same: IsSame | None = None,
) -> Layout:
    """Find each file's class, and its split if the dataset comes with one.

    Args:
        classes_at: level of the reading to take, as `Layout.level`; None takes the likeliest.
        is_same: compares the contents of two files, by index; None trusts their names.

    Raises:
        DatasetRefused: there are split folders, but none for training has classes inside; or the
            tree has no such level.
    """
    is_image = [not why_no_image(parts) for parts in files]
    root = make_tree(files, is_image, folders)
    reader = _Reader(files, is_same)
    drafts = reader.read(root)
    if not drafts and reader.problems.sentences and classes_at is None:
        raise DatasetRefused(reader.problems.sentences[0])
    base_depth = reader.base_depth(root)
    layouts = [make_reading(draft, files, is_image, base_depth) for draft in drafts or [Draft(())]]
    layout, *others = _distinct(layouts)
    layout.others = others
    if classes_at is not None:
        layout = _chosen(layout, classes_at, files, is_image, base_depth)
    for reading in layout.readings:
        reading.skipped += [
            SkippedFile("/".join(folder.parts), "This folder is empty.")
            for folder in _empty_outside_classes(root, reading, files)
        ]
    return layout


def read_classes(files: Sequence[Parts]) -> Layout:
    """Take the first folders for the classes, whatever they are called: a person named them."""
    is_image = [not why_no_image(parts) for parts in files]
    layout = make_reading(read_at("1", files, is_image, 0), files, is_image, 0)
    layout.sentence = " ".join(layout.notes)
    return layout


class _Reader:
    """Reads the folders of one tree, each once."""

    def __init__(self, files: Sequence[Parts], is_same: IsSame | None) -> None:
        self._files = files
        self._separator = Separator(files, is_same)
        self._drafts: dict[Folder, list[Draft]] = {}
        self.problems = Problems()

    def read(self, folder: Folder) -> list[Draft]:
        """Return drafts for the tree below a folder, the likeliest first."""
        if folder not in self._drafts:
            self._drafts[folder] = self._read(folder)
        return self._drafts[folder]

    def base_depth(self, root: Folder) -> int:
        """Return the number of folders above the first level that holds several folders."""
        folder = root
        while True:
            kept, _ = self._separator.separate(folder)
            if len(kept) != 1 or not kept[0].filled:
                return len(folder.parts)
            folder = kept[0]

    def _read(self, folder: Folder) -> list[Draft]:
        kept, left_out = self._separator.separate(folder)
        # Labels in file names beside a folder with less, as in cat.0.jpg beside test/1.jpg.
        if 2 * len(folder.images) > folder.n_images and (named := self._read_names(folder)):
            unlabelled = [leave_out(each, "unlabelled", _UNLABELLED) for each in kept]
            return [named.without(*left_out, *unlabelled)]
        if not kept:
            return []
        drafts = self._read_several(kept) if len(kept) > 1 else self._read_single(kept[0])
        return [outside(folder, draft.without(*left_out)) for draft in drafts]

    def _read_single(self, folder: Folder) -> list[Draft]:
        if folder.filled or self._read_names(folder):
            return self.read(folder)
        # A single folder with images only is a class and wraps nothing.
        return [Draft((Group(folder.name, tuple(folder.all_files()), len(folder.parts)),))]

    def _read_several(self, kept: Sequence[Folder]) -> list[Draft]:
        drafts = read_splits(kept, self.read, self.problems)
        return read_levels(kept, self.read, self._separator) if drafts is None else drafts

    def _read_names(self, folder: Folder) -> Draft | None:
        """Read the labels in the names of the images that lie directly in a folder."""
        labels = read_labels([self._files[index][-1] for index in folder.images])
        if labels is None:
            return None
        found: dict[str, list[int]] = {}
        for index, label in zip(folder.images, labels, strict=True):
            found.setdefault(label, []).append(index)
        unnamed = found.pop("", [])
        groups = tuple(Group(label, tuple(indices), 0) for label, indices in found.items())
        draft = Draft(groups, is_from_names=True)
        if not unnamed:
            return draft
        reason = "Its name has no label, as those of the other images have."
        return draft.without(LeftOut(tuple(unnamed), "unlabelled", reason))


_UNLABELLED = "It has no label: it lies beside images whose names tell their class."


def _distinct(layouts: Sequence[Layout]) -> list[Layout]:
    """Keep the first of readings that are called the same or give the same classes."""
    kept: list[Layout] = []
    for layout in layouts:
        if not any(layout.level == other.level or layout.places == other.places for other in kept):
            kept.append(layout)
    return kept


def _chosen(
    layout: Layout,
    level: str,
    files: Sequence[Parts],
    is_image: Sequence[bool],
    base_depth: int,
) -> Layout:
    """Return the reading of that level; the others stay beside it."""
    # A tree in which no classes were found has a reading without places.
    readings = [reading for reading in layout.readings if reading.places]
    chosen = next((reading for reading in readings if reading.level == level), None)
    if chosen is None:
        draft = read_at(level, files, is_image, base_depth)
        chosen = make_reading(draft, files, is_image, base_depth)
        chosen.level = level
    chosen.others = [reading for reading in readings if reading is not chosen]
    return chosen


def _empty_outside_classes(root: Folder, layout: Layout, files: Sequence[Parts]) -> list[Folder]:
    """List the empty folders, except those inside a class folder."""
    empty = list(empty_folders(root))
    if not empty:
        return []
    holding = {files[place.index][:-1] for place in layout.places}
    return [
        folder
        for folder in empty
        if not any(folder.parts[:depth] in holding for depth in range(1, len(folder.parts)))
    ]
