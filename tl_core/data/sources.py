"""Sources of datasets behind one interface; `folders`, `zips` and `samples` hold more."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from tl_core.data.limits import refuse_large
from tl_core.data.names import Parts, class_name, clean_text, is_junk, safe_parts
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
    are_classes: bool = False
    """True if a person named the folders, so that they are classes whatever they are called."""

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
    """Source whose entries are known from the start.

    Args:
        are_classes: True if a person named the folders.
    """

    def __init__(self, kind: str, entries: Iterable[Entry], *, are_classes: bool = False) -> None:
        self.kind = kind
        self._entries = list(entries)
        self._are_classes = are_classes

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        listing = Listing(are_classes=self._are_classes)
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
    return EntryList("upload", entries, are_classes=True)


def content_of(entry: Entry, limits: Limits) -> BytesIO:
    """Read a whole file into memory.

    Raises:
        ImageUnusable: it cannot be read, or is larger than the limit of one file.
    """
    content = BytesIO()
    for chunk in entry.read():
        content.write(chunk)
        refuse_large(content.tell(), limits)
    content.seek(0)
    return content


def chunks_of(open_file: Callable[[], BinaryIO]) -> Iterator[bytes]:
    """Open a file and yield its content in chunks.

    Raises:
        ImageUnusable: it cannot be read.
    """
    try:
        with open_file() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise ImageUnusable(f"It cannot be read: {error.strerror}.") from error


def _reader(path: Path) -> Callable[[], Iterator[bytes]]:
    # Stored by the server under a name of its own, where no one else can put a link.
    return lambda: chunks_of(lambda: path.open("rb"))
