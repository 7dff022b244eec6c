"""File locks that the operating system releases when their process dies.

On Windows a locked file can be neither read nor deleted by others, not even by its own process
through another handle. A lock file therefore holds nothing; what it protects lies beside it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import portalocker
from portalocker import LOCK_EX, LOCK_NB, LOCK_SH, AlreadyLocked, LockFlags

_IS_WINDOWS = os.name == "nt"
_WAIT_SECONDS = 0.02
# Known by name, so that a forked child can close its copies.
_held: set[IO[bytes]] = set()


@contextmanager
def try_lock(path: Path, *, delete: bool = False) -> Iterator[bool]:
    """Hold an exclusive lock on `path` for the block; False at once when someone else holds it.

    The file is created when missing. Threads of one process exclude each other too.

    Args:
        delete: whether the file is deleted at the end by whoever held the lock. Only for files
            whose name nobody will lock again.
    """
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(path, LOCK_EX | LOCK_NB))
            is_ours = True
        except AlreadyLocked:
            is_ours = False
        try:
            yield is_ours
        finally:
            # Before the lock is free, so that nobody else holds one on a file without a name.
            if delete and is_ours and not _IS_WINDOWS:
                path.unlink(missing_ok=True)
    if delete and is_ours and _IS_WINDOWS:
        # An open file cannot be deleted there; whoever has opened it since will do it.
        with suppress(PermissionError):
            path.unlink(missing_ok=True)


@contextmanager
def hold_lock(path: Path, flags: LockFlags = LOCK_EX) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the block, waiting until it is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Appending creates a missing file and never truncates one.
    with path.open("ab") as handle:
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

    Waits while somebody holds it alone. Nothing happens where there are no locks; nor on Windows,
    which does not delete a file in use in any case.
    """
    if _IS_WINDOWS:
        return
    with suppress(OSError):
        _lock(file, LOCK_SH)


def lock_alone(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False at once if somebody else holds a lock on it.

    Returns True where there are no locks.
    """
    try:
        _lock(file, LOCK_EX | LOCK_NB)
    except AlreadyLocked:
        return False
    except OSError:
        pass
    return True


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
    # Windows gives up waiting after ten seconds.
    is_polled = _IS_WINDOWS and not flags & LOCK_NB
    try:
        if is_polled:
            _poll(file, flags | LOCK_NB)
        else:
            portalocker.lock(file, flags)
    except AlreadyLocked:
        raise
    except portalocker.LockException as error:
        # Callers treat a file system without locks like any other failure of the disk.
        raise OSError(str(error)) from error


def _poll(file: IO[Any], flags: LockFlags) -> None:
    while True:
        try:
            return portalocker.lock(file, flags)
        except AlreadyLocked:
            time.sleep(_WAIT_SECONDS)


def _let_go_in_child() -> None:
    """Close the files that a forked child would keep locked after its parent was killed."""
    for handle in _held:
        handle.close()
    _held.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_let_go_in_child)
