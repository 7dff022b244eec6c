"""Folder layout: classes and splits from file names, ignoring folders that only wrap others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tl_core.data.names import Parts, class_name, quoted
from tl_core.errors import DatasetRefused
from tl_core.records import SkippedFile

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
EXAMPLE = "Make a folder for each class, such as cats/1.jpg and dogs/1.jpg."
_NOT_IN_CLASS = "It is not inside a class folder."


@dataclass(frozen=True, slots=True)
class Place:
    index: int
    """Index of the file in the list passed to `read_layout`."""
    split: str | None
    """Split the dataset came with: "train", "val" or "test"."""
    class_name: str


@dataclass(slots=True)
class Layout:
    places: list[Place] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)


@dataclass(slots=True)
class _Folder:
    parts: Parts = ()
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)
    n_below: int = 0
    """Number of files in this folder and all folders below it."""

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def filled(self) -> list["_Folder"]:
        return [folder for folder in self.folders.values() if folder.n_below]

    def walk(self) -> Iterator[int]:
        yield from self.files
        # Recursion is safe: names are nested at most `MAX_DEPTH` folders deep.
        for folder in self.folders.values():
            yield from folder.walk()


def read_layout(files: Sequence[Parts], folders: Sequence[Parts] = ()) -> Layout:
    """Find each file's class, and its split if the dataset comes with one.

    Raises:
        DatasetRefused: there are split folders, but none for training has class folders inside.
    """
    layout = Layout()
    base = _unwrap(_tree(files, folders), files, layout)
    splits = base.filled
    # A class may be called "test" too; only if all folders are named after splits, they are splits.
    if splits and all(_split_name(folder) for folder in splits):
        _place_splits(base, files, layout)
    else:
        _place_classes(base, None, layout)
    return layout


def _tree(files: Sequence[Parts], folders: Sequence[Parts]) -> _Folder:
    root = _Folder()
    for parts in folders:
        _descend(root, parts, 0)
    for index, parts in enumerate(files):
        _descend(root, parts[:-1], 1).files.append(index)
    return root


def _descend(root: _Folder, parts: Parts, count: int) -> _Folder:
    folder = root
    folder.n_below += count
    for depth, part in enumerate(parts, start=1):
        folder = folder.folders.setdefault(part, _Folder(parts[:depth]))
        folder.n_below += count
    return folder


def _unwrap(folder: _Folder, files: Sequence[Parts], layout: Layout) -> _Folder:
    """Descend to the first folder that does not merely wrap another, skipping stray files."""
    while True:
        layout.skipped += [
            SkippedFile("/".join(files[index]), _NOT_IN_CLASS) for index in folder.files
        ]
        # A single folder with images only is a class and wraps nothing.
        if len(folder.filled) != 1 or not folder.filled[0].filled:
            return folder
        _skip_empty(folder, layout)
        folder = folder.filled[0]


def _place_splits(base: _Folder, files: Sequence[Parts], layout: Layout) -> None:
    without_classes = [folder.name for folder in base.filled if not folder.filled]
    splits = {_split_name(folder) for folder in base.filled if folder.filled}
    if "train" not in splits:
        problem = "There is no train folder to learn from."
        if without_classes:
            problem = (
                f"{quoted(without_classes)} holds images directly, so that their classes are not "
                "known."
            )
        raise DatasetRefused(
            f"{problem} Make a folder for each class inside, such as train/cats/1.jpg."
        )
    for folder in base.filled:
        _place_classes(_unwrap(folder, files, layout), _split_name(folder), layout)
    _skip_empty(base, layout)


def _split_name(folder: _Folder) -> str | None:
    # Such folders are also called Train or VAL.
    return SPLIT_NAMES.get(folder.name.strip().casefold())


def _place_classes(base: _Folder, split: str | None, layout: Layout) -> None:
    for folder in base.filled:
        if name := class_name(folder.name):
            # Folders inside a class, such as one per camera, do not divide it.
            layout.places += [Place(index, split, name) for index in folder.walk()]
        else:
            layout.skipped.append(
                SkippedFile("/".join(folder.parts), "A class folder needs a name.")
            )
    _skip_empty(base, layout)


def _skip_empty(folder: _Folder, layout: Layout) -> None:
    layout.skipped += [
        SkippedFile("/".join(inner.parts), "This folder is empty.")
        for inner in folder.folders.values()
        if not inner.n_below
    ]
