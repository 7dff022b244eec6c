"""Files and folders that appear whole or not at all.

Windows refuses to replace or delete a file that somebody has open. Readers have it open only for
moments, and virus scanners too, so that waiting helps.
"""

import errno
import filecmp
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from tl_core.locks import is_locked, lock_alone, share_lock

DISK_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Error numbers of a full disk or quota; Windows has no quota's."""
_UNFINISHED = ".unfinished"
_RIGHTS_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_IS_WINDOWS = os.name == "nt"
_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


@contextmanager
def replacing(path: Path, *, durable: bool = True, is_private: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of `path` when the block ends without an error.

    Readers find the old content or the new one, also after a crash. The last of several writers
    wins.

    Args:
        path: the file; missing folders above it are created.
        durable: whether the new content must also survive a power failure from here on. It costs
            some milliseconds.
        is_private: whether only its owner may read it, also while it is written.

    Raises:
        OSError: the disk refuses. The old content stays, and no temporary file does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft, file = _open_draft(path, is_private=is_private)
    try:
        with file:
            yield file
            # `fsync` knows nothing of Python's own buffer.
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if not _IS_WINDOWS:
                # In the same folder, and so on the same disk, a rename is atomic.
                draft.replace(path)
        if _IS_WINDOWS:
            # There, a file that is open cannot be renamed.
            _patiently(lambda: draft.replace(path))
    finally:
        delete(draft)
    # The new name is part of the folder, which must be synchronised by itself.
    if durable:
        _sync_folder(path.parent)


def write_whole(
    path: Path,
    content: bytes | memoryview | str,
    *,
    durable: bool = True,
    is_private: bool = False,
) -> None:
    """Replace a file by `content`; text is encoded as UTF-8. See `replacing`."""
    with replacing(path, durable=durable, is_private=is_private) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def delete(path: Path) -> None:
    """Delete a file if it is there."""
    _patiently(lambda: path.unlink(missing_ok=True))


def make_private(path: Path) -> None:
    """Take the rights of all but the owner from a file or folder, where that is possible.

    Somebody else's file keeps its rights, and so does every file on Windows, where the folder's
    owner decides.
    """
    with suppress(OSError):
        rights = stat.S_IMODE(path.stat().st_mode)
        if _IS_WINDOWS or not rights & _RIGHTS_OF_OTHERS:
            return
        path.chmod(rights & ~_RIGHTS_OF_OTHERS)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links.

    Both names then stand for one content only as long as files are replaced, never changed.

    Raises:
        OSError: there is no such file, or the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    # Python has no such function on some systems.
    except (OSError, AttributeError):
        with source.open("rb") as content, replacing(target) as copy:
            shutil.copyfileobj(content, copy)


def keep_as(path: Path, other: Path) -> None:
    """Give the content of a file that is about to be replaced another name, if the file is there.

    Where there are no hard links the file is renamed, so that for a moment only `other` exists.

    Raises:
        OSError: the disk refuses.
    """
    if not path.is_file():
        return
    draft = _draft_beside(other)
    try:
        try:
            os.link(path, draft)
        # Python has no such function on some systems.
        except (OSError, AttributeError):
            return _patiently(lambda: path.replace(other))
        # A sweep may take it for abandoned, since a name alone has no lock.
        with suppress(FileNotFoundError):
            _patiently(lambda: draft.replace(other))
    finally:
        # Linux leaves a name as it is when another name of the same file is to replace it.
        delete(draft)


def remove_unfinished(folder: Path) -> None:
    """Delete the temporary files that killed writers left in a folder, at any depth."""
    for draft in abandoned_in(folder):
        delete_abandoned(draft)


def is_same_content(one: Path, other: Path) -> bool:
    """Return whether two files hold the same bytes; False if either cannot be read."""
    try:
        # Two names of one file need not be read.
        return one.samefile(other) or filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def abandoned_in(folder: Path) -> Iterator[Path]:
    """Yield the temporary files below a folder whose writers have been killed."""
    for draft in folder.rglob(f".*{_UNFINISHED}"):
        if draft.is_file() and not is_locked(draft):
            yield draft


def delete_abandoned(draft: Path) -> None:
    """Delete a temporary file unless it has a writer, or has just got one."""
    if _IS_WINDOWS:
        # There, a file that its writer has open cannot be deleted.
        with suppress(PermissionError):
            draft.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError), draft.open("rb") as file:
        # A writer that has only created it waits for this lock, and then sees that it is gone.
        if lock_alone(file):
            draft.unlink(missing_ok=True)


def move_into_place(made: Path, target: Path) -> None:
    """Rename a file or folder; onto another disk, by way of a copy beside the target.

    Raises:
        OSError: the disk refuses, or `target` is a folder that is not empty.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _patiently(lambda: made.replace(target))
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    if not made.is_dir():
        with made.open("rb") as content, replacing(target) as copy:
            shutil.copyfileobj(content, copy)
        return None
    draft = _draft_beside(target)
    try:
        shutil.copytree(made, draft)
        _patiently(lambda: draft.replace(target))
    finally:
        # After the rename there is no draft any more.
        shutil.rmtree(draft, ignore_errors=True)


def _patiently(act: Callable[[], object]) -> None:
    """Do something with a file's name; on Windows, wait while somebody has the file open."""
    give_up_at = time.monotonic() + (_PATIENCE_SECONDS if _IS_WINDOWS else 0)
    while True:
        try:
            act()
            return
        except PermissionError:
            if time.monotonic() >= give_up_at:
                raise
        time.sleep(_PAUSE_SECONDS)


def _open_draft(path: Path, *, is_private: bool) -> tuple[Path, BinaryIO]:
    """Create a temporary file beside `path`, locked so that no sweep takes it for abandoned.

    Returns:
        Its path, and the file, open for writing.
    """
    opener = _open_privately if is_private else None
    while True:
        draft = _draft_beside(path)
        file = open(draft, "wb", opener=opener)  # noqa: SIM115
        share_lock(file)
        # A sweep may have come between creating and locking.
        if draft.exists():
            return draft, file
        file.close()


def _open_privately(path: str, flags: int) -> int:
    # A later `chmod` would leave a moment in which others can read it.
    return os.open(path, flags | os.O_EXCL, 0o600)


def _draft_beside(path: Path) -> Path:
    """A name that no other writer has, and that no name is too long for."""
    return path.with_name(f".{uuid4().hex}{_UNFINISHED}")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where folders can be synchronised: Windows cannot even open one."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
