"""Locks that the operating system lets go when their process dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_held: set[IO[str]] = set()


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on `path` for the block; gives False at once when someone else holds it.

    The file is created when missing and left where it is. Threads of one process exclude each other too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        with _kept_from_children(handle):
            yield True


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold that lock for the block, waiting for it as long as it takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with _kept_from_children(handle):
            yield


def share_lock(file: IO[bytes]) -> None:
    """Lock an open file together with others for as long as it, or a copy of its descriptor, is open.

    Whoever holds it exclusively keeps it alone: then nothing happens.
    """
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_locked(path: Path) -> bool:
    """Whether somebody holds a lock on it at this moment, alone or with others; false where that cannot be known."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@contextmanager
def _kept_from_children(handle: IO[str]) -> Iterator[None]:
    _held.add(handle)
    try:
        yield
    finally:
        _held.discard(handle)
        # Closing alone would leave it to a child that was forked this very moment.
        fcntl.flock(handle, fcntl.LOCK_UN)


def _let_go_in_child() -> None:
    """A forked child, such as a loader's worker, would keep a killed parent's locks for as long as it lives."""
    for handle in _held:
        handle.close()
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
