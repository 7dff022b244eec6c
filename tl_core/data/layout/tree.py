"""Tree of folders with the files in it, each with the number of images below it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tl_core.data.names import Parts
from tl_core.text import natural_key


# Compared by identity: comparing two trees by content would take long.
@dataclass(slots=True, eq=False)
class Folder:
    parts: Parts = ()
    folders: dict[str, "Folder"] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)
    """Indices of the files that lie directly in this folder."""
    images: list[int] = field(default_factory=list)
    """Indices of those files that may be images."""
    n_files: int = 0
    """Number of files in this folder and all folders below it."""
    n_images: int = 0
    """Number of files that may be images, in this folder and all folders below it."""
    filled: list["Folder"] = field(default_factory=list)
    """Folders directly inside that hold images at any depth."""

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def core(self) -> "Folder":
        """Folder reached by descending as long as there is one folder and no image beside it."""
        folder = self
        while not folder.images and len(filled := folder.filled) == 1:
            folder = filled[0]
        return folder

    @property
    def is_flat(self) -> bool:
        """True if the images lie in one folder and not in several."""
        return not self.core.filled

    def walk(self) -> Iterator["Folder"]:
        """Yield this folder and all folders below it."""
        yield self
        # Recursion is safe: names are nested at most `MAX_DEPTH` folders deep.
        for folder in self.folders.values():
            yield from folder.walk()

    def all_files(self) -> list[int]:
        return [index for folder in self.walk() for index in folder.files]

    def all_images(self) -> list[int]:
        return [index for folder in self.walk() for index in folder.images]


def make_tree(
    files: Sequence[Parts], is_image: Sequence[bool], folders: Iterable[Parts] = ()
) -> Folder:
    """Build the tree of all files; `folders` adds those that hold none."""
    root = Folder()
    known: dict[Parts, Folder] = {(): root}
    for parts in folders:
        _folder_at(known, parts)
    for index, parts in enumerate(files):
        folder = _folder_at(known, parts[:-1])
        folder.files.append(index)
        if is_image[index]:
            folder.images.append(index)
    _count(root)
    return root


def _folder_at(known: dict[Parts, Folder], parts: Parts) -> Folder:
    if parts not in known:
        parent = _folder_at(known, parts[:-1])
        known[parts] = parent.folders[parts[-1]] = Folder(parts)
    return known[parts]


def _count(folder: Folder) -> None:
    for inner in folder.folders.values():
        _count(inner)
    filled = [inner for inner in folder.folders.values() if inner.n_images]
    # In natural order, so that no sentence depends on the order in which a system lists folders.
    folder.filled = sorted(filled, key=lambda inner: natural_key(inner.name))
    folder.n_files = len(folder.files) + sum(inner.n_files for inner in folder.folders.values())
    folder.n_images = len(folder.images) + sum(inner.n_images for inner in folder.folders.values())


def joined(outer: Folder, inner: Folder, left_out: frozenset[int]) -> Folder:
    """Return `outer` with what `inner` holds at the same places, except the files `left_out`."""
    both = Folder(outer.parts, dict(outer.folders))
    both.files = outer.files + [index for index in inner.files if index not in left_out]
    both.images = outer.images + [index for index in inner.images if index not in left_out]
    for name, folder in inner.folders.items():
        beside = both.folders.get(name) or Folder((*outer.parts, name))
        both.folders[name] = joined(beside, folder, left_out)
    _count(both)
    return both


def empty_folders(folder: Folder) -> Iterator[Folder]:
    """Yield the outermost folders that hold no file."""
    for inner in folder.folders.values():
        if inner.n_files:
            yield from empty_folders(inner)
        else:
            yield inner
