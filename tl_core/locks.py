"""File locks that the operating system releases when their process dies."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import portalocker
from portalocker import LOCK_EX, LOCK_NB, LOCK_SH, AlreadyLocked, LockFlags

# Known by name, so that a forked child can close its copies.
_held: set[IO[str]] = set()


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on `path` for the block; False at once when someone else holds it.

    The file is created when missing and left where it is. Threads of one process exclude each other
    too.
    """
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(path, LOCK_EX | LOCK_NB))
            is_ours = True
        except AlreadyLocked:
            is_ours = False
        yield is_ours


@contextmanager
def hold_lock(path: Path, flags: LockFlags = LOCK_EX) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the block, waiting until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Appending creates a missing file and never truncates one.
    with path.open("a") as handle:
        _lock(handle, flags)
        _held.add(handle)
        try:
            yield
        finally:
            _held.discard(handle)
            # A child forked at this moment would keep a lock that was only closed.
            portalocker.unlock(handle)


def share_lock(file: IO[bytes]) -> None:
    """Lock an open file, shared with others, until it and all copies of its descriptor are closed.

    Nothing happens where somebody holds it exclusively, or where locks cannot be shared.
    """
    with suppress(AlreadyLocked, OSError, ImportError):  # Windows needs pywin32 to share
        _lock(file, LOCK_SH | LOCK_NB)


def is_locked(path: Path) -> bool:
    """Return True if anybody holds a lock, exclusive or shared, on the file; False if unknown."""
    try:
        with path.open("rb") as file:
            _lock(file, LOCK_EX | LOCK_NB)
            portalocker.unlock(file)
    except AlreadyLocked:
        return True
    except OSError:
        pass
    return False


def _lock(file: IO[Any], flags: LockFlags) -> None:
    """Raises: AlreadyLocked; OSError: there are no locks on that file system."""
    try:
        portalocker.lock(file, flags)
    except AlreadyLocked:
        raise
    except portalocker.LockException as error:
        # Callers treat a file system without locks like any other failure of the disk.
        raise OSError(str(error)) from error


def _let_go_in_child() -> None:
    """Close the files that a forked child would keep locked after its parent was killed."""
    for handle in _held:
        handle.close()
    _held.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_let_go_in_child)
