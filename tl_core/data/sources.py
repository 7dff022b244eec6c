"""Where a dataset comes from: one small interface, whatever it is made of. Zips are in `zips`, samples in `samples`."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from tl_core.data.names import MAX_DEPTH, Parts, class_name, clean_text, is_junk, safe_parts
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.records import SkippedFile
from tl_core.settings import Limits

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    parts: Parts
    """Folders and file name as handed in. User text."""
    read: Callable[[], Iterator[bytes]]
    """Streams the content in chunks; raises ImageUnusable where this one file cannot be read."""
    packed: int | None = None
    """Bytes it takes inside an archive."""


@dataclass(slots=True)
class Listing:
    """What a source holds, without what `is_junk`."""

    entries: list[Entry] = field(default_factory=list)
    folders: list[Parts] = field(default_factory=list)
    """At least those that are empty."""
    skipped: list[SkippedFile] = field(default_factory=list)
    packed: int | None = None
    """Bytes of the whole archive."""

    def add(self, entry: Entry, limits: Limits) -> None:
        self.entries.append(entry)
        if len(self.entries) > limits.max_files:
            raise DatasetRefused(
                f"There are more than {limits.max_files:,} files; that is the limit of one dataset."
            )


class Source(Protocol):
    kind: str
    """"zip", "folder", "upload" or "sample"."""

    def open(self, limits: Limits) -> AbstractContextManager[Listing]:
        """List the entries; they can be read, from several threads, until the block ends.

        Raises:
            DatasetRefused: the whole cannot be taken in.
        """


class EntryList:
    """A source whose entries are known from the start."""

    def __init__(self, kind: str, entries: Iterable[Entry]) -> None:
        self.kind = kind
        self._entries = list(entries)

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        listing = Listing()
        for entry in self._entries:
            if not is_junk(entry.parts):
                listing.add(entry, limits)
        yield listing


def uploaded_files(files: Sequence[tuple[str, Path]]) -> Source:
    """A folder dropped in the browser: relative names as the browser gave them, and where we put the bytes.

    Raises:
        UnsafeArchive: a name is absolute or points outside.
    """
    return EntryList("upload", [Entry(safe_parts(name), _reader(path)) for name, path in files])


def loose_images(classes: Mapping[str, Sequence[tuple[str, Path]]]) -> Source:
    """Loose images given a class: for each class, file names and where we put the bytes.

    Raises:
        DatasetRefused: a class name is blank, or would be taken for a hidden folder.
    """
    entries = []
    for label, files in classes.items():
        if not class_name(label) or is_junk((label,)):
            raise DatasetRefused(
                f'"{clean_text(label)}" is not possible as the name of a class; choose another.'
            )
        entries += [
            Entry((label, clean_text(name).replace("/", "_")), _reader(path))
            for name, path in files
        ]
    return EntryList("upload", entries)


class FolderSource:
    """A folder on this machine. Links inside are refused and never followed."""

    kind = "folder"

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        listing = Listing()
        waiting: list[tuple[Path, Parts]] = [(self._root, ())]
        while waiting:
            waiting += _scan(*waiting.pop(), listing, limits)
        yield listing


def _scan(
    folder: Path, parts: Parts, listing: Listing, limits: Limits
) -> Iterator[tuple[Path, Parts]]:
    """Put the folder's files into the listing, and give its sub-folders."""
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        listing.skipped.append(
            SkippedFile("/".join(parts), f"This folder cannot be read: {error.strerror}.")
        )
        return
    for item in items:
        inner = (*parts, clean_text(item.name))
        if is_junk(inner):
            continue
        if item.is_symlink():
            raise DatasetRefused(
                f'"{"/".join(inner)}" is a link; put the files themselves into the folder.'
            )
        if item.is_dir(follow_symlinks=False):
            if len(inner) > MAX_DEPTH:
                raise DatasetRefused(
                    f'"{"/".join(inner)}" is nested more than {MAX_DEPTH} folders deep.'
                )
            listing.folders.append(inner)
            yield Path(item.path), inner
        elif item.is_file(follow_symlinks=False):
            listing.add(Entry(inner, _reader(Path(item.path))), limits)
        else:
            listing.skipped.append(SkippedFile("/".join(inner), "It is not a regular file."))


def _reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        try:
            with _open_no_link(path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error

    return read


def _open_no_link(path: Path) -> BinaryIO:
    """Open for reading; a link that took a file's place after it was listed fails."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
