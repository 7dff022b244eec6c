"""Sources of datasets behind one interface; `zips` and `samples` hold two more."""

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
    """Folders and file name as the user gave them, never used as a path."""
    read: Callable[[], Iterator[bytes]]
    """Function that streams the content in chunks; raises ImageUnusable for an unreadable file."""


@dataclass(slots=True)
class Listing:
    """Content of a source, without files that `is_junk` recognises."""

    entries: list[Entry] = field(default_factory=list)
    folders: list[Parts] = field(default_factory=list)
    """Folders; at least the empty ones, which no entry names."""
    skipped: list[SkippedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences on how the source was read, which become warnings of the dataset."""

    def add(self, entry: Entry, limits: Limits) -> None:
        self.entries.append(entry)
        # Checked while listing, so that a huge source is refused before it fills the memory.
        if len(self.entries) > limits.max_files:
            raise DatasetRefused(
                f"There are more than {limits.max_files:,} files; that is the limit of one dataset."
            )


class Source(Protocol):
    kind: str
    """Kind of source: "zip", "folder", "upload" or "sample"."""

    def open(self, limits: Limits) -> AbstractContextManager[Listing]:
        """List the entries; they can be read, from several threads, until the block ends.

        Raises:
            DatasetRefused: the source as a whole cannot be imported.
        """


class EntryList:
    """Source whose entries are known from the start."""

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
    """Return the source for a folder dropped in the browser.

    Args:
        files: relative name from the browser, and path of the stored file.

    Raises:
        UnsafeArchive: a name is absolute or points outside.
    """
    return EntryList("upload", [Entry(safe_parts(name), _reader(path)) for name, path in files])


def loose_images(classes: Mapping[str, Sequence[tuple[str, Path]]]) -> Source:
    """Return the source for single images that the user assigned to classes.

    Args:
        classes: for each class, the file names and the paths of the stored files.

    Raises:
        DatasetRefused: a class name is blank, or looks like a hidden folder.
    """
    entries = []
    for label, files in classes.items():
        if not class_name(label) or is_junk((label,)):
            raise DatasetRefused(
                f'"{clean_text(label)}" is not possible as the name of a class; choose another.'
            )
        for name, path in files:
            # A slash in a file name would read as a folder.
            parts = (label, clean_text(name).replace("/", "_"))
            entries.append(Entry(parts, _reader(path)))
    return EntryList("upload", entries)


class FolderSource:
    """Folder on this machine. Links inside are refused and never followed."""

    kind = "folder"

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        listing = Listing()
        # A stack instead of recursion, whose depth an untrusted folder would determine.
        waiting: list[tuple[Path, Parts]] = [(self._root, ())]
        while waiting:
            waiting += _scan(*waiting.pop(), listing, limits)
        yield listing


def _scan(
    folder: Path, parts: Parts, listing: Listing, limits: Limits
) -> Iterator[tuple[Path, Parts]]:
    """Add a folder's files to the listing and yield its subfolders."""
    try:
        # File systems list a folder in different orders.
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
    # A function, so that each file is opened when its turn comes, and not all at once.
    def read() -> Iterator[bytes]:
        try:
            with _open_no_link(path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error

    return read


def _open_no_link(path: Path) -> BinaryIO:
    """Open a file for reading; fail if a link has replaced it since it was listed."""
    # Without O_NONBLOCK, opening a named pipe that took the file's place would wait for a writer.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
