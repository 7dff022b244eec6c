"""Files and folders opened so that no link leads elsewhere, even one put there a moment before.

A path is opened step by step, each step relative to the folder that is already open and refusing
links. Windows has no such steps: there the path is checked after it was opened.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_HAS_STEPS = bool(_NO_LINKS) and os.open in os.supports_dir_fd
# Without O_NONBLOCK, opening a named pipe that took the file's place would wait for a writer.
_FILE = os.O_RDONLY | _NO_LINKS | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | _NO_LINKS | getattr(os, "O_DIRECTORY", 0)
# Folders on the way need not be readable; where there is no O_PATH they have to be.
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | _NO_LINKS | getattr(os, "O_DIRECTORY", 0)


class Item(NamedTuple):
    """One item of a folder."""

    name: str
    """Name as the system gives it, which may not be valid text."""
    kind: Literal["file", "folder", "link", "other"]


class OpenFolder:
    """Folder whose items are listed and opened, never anything outside of it.

    Args:
        path: a path without links, as `os.path.realpath` gives.

    Raises:
        OSError: the folder cannot be opened, or a link has taken its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path if _HAS_STEPS else _checked(path)
        self._descriptor = _open_real(path, _FOLDER) if _HAS_STEPS else None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def scan(self, folder: Sequence[str]) -> list[Item]:
        """List a folder below this one, sorted by name.

        Raises:
            OSError: it cannot be read, or a link has taken its place.
        """
        with self._enter(folder) as place, os.scandir(place) as items:
            # File systems list a folder in different orders.
            return sorted(Item(item.name, _kind(item)) for item in items)

    def open(self, file: Sequence[str]) -> BinaryIO:
        """Open a file below this folder for reading.

        Raises:
            OSError: it cannot be read, is no regular file, or a link is on the way to it.
        """
        with self._enter(file[:-1]) as place:
            if isinstance(place, int):
                descriptor = os.open(file[-1], _FILE, dir_fd=place)
            else:
                descriptor = _open_checked(place / file[-1])
        return _as_file(descriptor)

    def resolve(self, link: Sequence[str]) -> tuple[str, ...] | None:
        """Return where a link leads below this folder; None if it leads out of it.

        The answer may be out of date when it is used: `open` and `scan` refuse links again.
        """
        real = os.path.realpath(self._path.joinpath(*link))
        try:
            return Path(real).relative_to(self._path).parts
        except ValueError:
            return None

    def kind(self, item: Sequence[str]) -> Literal["file", "folder"] | None:
        """Return what is there, if it is a regular file or a folder."""
        with suppress(OSError):
            mode = self._path.joinpath(*item).lstat().st_mode
            if stat.S_ISREG(mode):
                return "file"
            if stat.S_ISDIR(mode):
                return "folder"
        return None

    @contextmanager
    def _enter(self, folder: Sequence[str]) -> Iterator[int | Path]:
        """Yield the descriptor of a folder below, or its checked path where there are none."""
        if self._descriptor is None:
            yield _checked(self._path.joinpath(*folder))
            return
        descriptor = _step(self._descriptor, folder, _FOLDER)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def open_real(path: Path) -> BinaryIO:
    """Open a file by a path without links, as `os.path.realpath` gives.

    Raises:
        OSError: it cannot be read, is no regular file, or a link is on the way to it.
    """
    return _as_file(_open_real(path, _FILE) if _HAS_STEPS else _open_checked(path))


def _open_real(path: Path, flags: int) -> int:
    # macOS can refuse links anywhere on the way by itself.
    if any_link := getattr(os, "O_NOFOLLOW_ANY", 0):
        return os.open(path, flags & ~_NO_LINKS | any_link)
    anchor, *names = path.parts
    root = os.open(anchor, _ON_THE_WAY)
    try:
        if not names:
            return os.open(anchor, flags)
        parent = _step(root, names[:-1], _ON_THE_WAY)
    finally:
        os.close(root)
    try:
        return os.open(names[-1], flags, dir_fd=parent)
    finally:
        os.close(parent)


def _step(descriptor: int, folders: Sequence[str], flags: int) -> int:
    """Descend from an open folder and return the descriptor of the last folder."""
    descriptor = os.dup(descriptor)
    for name in folders:
        try:
            inner = os.open(name, flags, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _open_checked(path: Path) -> int:
    descriptor = os.open(path, _FILE)
    try:
        _checked(path)
        if not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise OSError(errno.ELOOP, "it has been replaced")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _checked(path: Path) -> Path:
    if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        raise OSError(errno.ELOOP, "a link is on the way to it")
    return path


def _as_file(descriptor: int) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def _kind(item: os.DirEntry[str]) -> Literal["file", "folder", "link", "other"]:
    # Junctions are links of Windows to folders; Python knows them from 3.12.
    if item.is_symlink() or getattr(item, "is_junction", bool)():
        return "link"
    if item.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if item.is_file(follow_symlinks=False) else "other"
