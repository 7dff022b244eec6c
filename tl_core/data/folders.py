"""Folders on this machine as sources: which of their files are taken, and which links followed.

Import and predictions list folders alike. Files that systems and tools leave behind are passed
over. What is an image is told by content, once a file is read. A link is followed to a file or a
hidden folder inside the root; a link to a folder that is read in any case is left out, so that no
image counts twice, and so is one that leads out.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tl_core.data.links import LEADS_NOWHERE, LEADS_OUT, read_elsewhere
from tl_core.data.names import MAX_DEPTH, Parts, clean_text, is_junk
from tl_core.data.sources import Entry, Listing, chunks_of
from tl_core.data.unlinked import Item, OpenFolder
from tl_core.errors import DatasetRefused
from tl_core.records import SkippedFile
from tl_core.settings import Limits

_NOT_REGULAR = "It is not a regular file."


class FolderSource:
    """Folder on this machine. No file outside of it is ever read."""

    kind = "folder"

    def __init__(self, root: Path) -> None:
        # Resolved at once: whoever has checked this path may rely on it when it is opened later.
        self.path = Path(os.path.realpath(root))

    @contextmanager
    def open(self, limits: Limits) -> Iterator[Listing]:
        try:
            folder = OpenFolder(self.path)
        except OSError as error:
            raise DatasetRefused(f'"{self.path}" cannot be read: {error.strerror}.') from error
        with closing(folder):
            yield _Walk(folder, limits).list()


class _Walk:
    """Walk through a folder that fills a listing."""

    def __init__(self, root: OpenFolder, limits: Limits) -> None:
        self._root = root
        self._limits = limits
        self._listing = Listing()
        # A stack instead of recursion, whose depth an untrusted folder would determine. Each
        # folder has its place on disk, and the name under which its files are taken.
        self._waiting: list[tuple[Parts, Parts]] = [((), ())]
        self._followed: dict[Parts, Parts] = {}
        """Hidden folders to which a link was followed, with the name of the link."""

    def list(self) -> Listing:
        while self._waiting:
            place, parts = self._waiting.pop()
            try:
                items = self._root.scan(place)
            except OSError as error:
                self._skip(parts, f"This folder cannot be read: {error.strerror}.")
                continue
            self._listing.folders += [parts] if parts else []
            for item in items:
                inner = (*parts, clean_text(item.name))
                if not is_junk(inner):
                    self._take(item, (*place, item.name), inner)
        return self._listing

    def _take(self, item: Item, place: Parts, parts: Parts) -> None:
        if item.kind == "file":
            self._add(place, parts)
        elif item.kind == "folder":
            self._enter(place, parts)
        elif item.kind == "link":
            self._follow(place, parts)
        else:
            self._skip(parts, _NOT_REGULAR)

    def _follow(self, link: Parts, parts: Parts) -> None:
        target = self._root.resolve(link)
        if target is None:
            return self._skip(parts, LEADS_OUT)
        kind = self._root.kind(target)
        if kind == "file":
            self._add(target, parts)
        elif kind is None:
            self._skip(parts, LEADS_NOWHERE)
        elif not is_junk(target):
            self._skip(parts, read_elsewhere(target))
        elif met := self._met(target):
            self._skip(parts, read_elsewhere(met))
        else:
            self._followed[target] = parts
            self._enter(target, parts)

    def _met(self, folder: Parts) -> Parts | None:
        """Return the name under which a hidden folder is taken already, also as part of another."""
        outer = (folder[:depth] for depth in range(1, len(folder) + 1))
        return next((self._followed[place] for place in outer if place in self._followed), None)

    def _add(self, place: Parts, parts: Parts) -> None:
        self._listing.add(Entry(parts, _reader(self._root, place)), self._limits)

    def _enter(self, place: Parts, parts: Parts) -> None:
        if len(parts) > MAX_DEPTH:
            raise DatasetRefused(
                f'"{"/".join(parts)}" is nested more than {MAX_DEPTH} folders deep.'
            )
        self._waiting.append((place, parts))

    def _skip(self, parts: Parts, reason: str) -> None:
        self._listing.skipped.append(SkippedFile("/".join(parts), reason))


def _reader(root: OpenFolder, place: Parts) -> Callable[[], Iterator[bytes]]:
    # A function, so that each file is opened when its turn comes, and not all at once.
    return lambda: chunks_of(lambda: root.open(place))
