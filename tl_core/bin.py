"""Bin: datasets and runs that were deleted are kept for a week, in which they can be restored.

Their files stay in place, so the disk gains room only when the bin is emptied.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from tl_core.errors import NotInBin, StoreFull, TransferLabError
from tl_core.locks import hold_lock
from tl_core.records import Binned
from tl_core.workspace import Workspace

DAYS_KEPT = 7
SECONDS_KEPT = DAYS_KEPT * 86_400
_PAUSE = 30.0
"""Seconds between two looks at the disk and the bin."""


@dataclass(frozen=True, slots=True)
class BinEntry:
    binned: Binned
    n_bytes: int
    """Size of its files on disk."""

    @property
    def gone_at(self) -> float:
        """Time from which on it is deleted for good, in seconds since the epoch."""
        return self.binned.binned_at + SECONDS_KEPT


def list_bin(workspace: Workspace, *, owner: str | None = None) -> list[BinEntry]:
    """List what is in the bin with its sizes, what was put there last first.

    Args:
        owner: id of the person whose part of the bin is meant; None for all.
    """
    return [
        BinEntry(binned, _size(_folder(workspace, binned)))
        for binned in workspace.store.list_bin(owner=owner)
    ]


def restore(workspace: Workspace, record_id: str) -> Binned:
    """Take a dataset or run out of the bin.

    Raises:
        NotInBin: nothing in the bin has this id; it may have been deleted for good.
    """
    store = workspace.store
    for binned in store.list_bin():
        if binned.id == record_id:
            take_out = store.restore_run if binned.kind == "run" else store.restore_dataset
            # Not while its files are being deleted, which may come before its record.
            with hold_lock(_lock(workspace, binned)):
                if take_out(record_id):
                    return binned
    raise NotInBin(
        f"There is nothing in the bin with the id {record_id!r}: it may have been restored, or "
        f"deleted for good, which happens after {DAYS_KEPT} days."
    )


def empty_bin(
    workspace: Workspace, *, put_in_before: float | None = None, owner: str | None = None
) -> list[BinEntry]:
    """Delete for good what is in the bin, and return it.

    Args:
        put_in_before: leave what was put in later, in seconds since the epoch; None for all.
        owner: as in `list_bin`.
    """
    deleted = []
    for binned in workspace.store.list_bin(owner=owner):
        if put_in_before is None or binned.binned_at < put_in_before:
            entry = BinEntry(binned, _size(_folder(workspace, binned)))
            if _delete(workspace, binned):
                deleted.append(entry)
    return deleted


def delete_expired(workspace: Workspace) -> list[BinEntry]:
    """Delete for good what has been in the bin for longer than `DAYS_KEPT`, and return it."""
    return empty_bin(workspace, put_in_before=time.time() - SECONDS_KEPT)


class BinClock:
    """Thread of a server that deletes what has expired, and keeps room back for deleting."""

    def __init__(self, workspace: Workspace, also: Callable[[], object] | None = None) -> None:
        """
        Args:
            also: what is done at each look besides, such as erasing what a class has left.
        """
        self._workspace = workspace
        self._also = also
        self._stopping = Event()
        # A daemon, so that the server need not wait for the end of a deletion.
        self._thread = Thread(target=self._work, name="transferlab-bin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _work(self) -> None:
        while True:
            # Where the database or the disk fails for a while, a later look will do.
            with suppress(TransferLabError, OSError):
                delete_expired(self._workspace)
                if self._also:
                    self._also()
            self._workspace.room.look_after()
            if self._stopping.wait(_PAUSE):
                return


def _delete(workspace: Workspace, binned: Binned) -> bool:
    """Delete records and files; return False if somebody has just restored it."""
    artifacts = workspace.artifacts
    delete_files = artifacts.delete_run if binned.kind == "run" else artifacts.delete_dataset
    # An import of the same images must not find the files half deleted.
    with artifacts.changing(), hold_lock(_lock(workspace, binned)):
        try:
            is_deleted = workspace.store.delete_binned(binned)
        except StoreFull:
            # Deleting the files makes the room that deleting the record needs.
            delete_files(binned.id)
            is_deleted = workspace.store.delete_binned(binned)
        if is_deleted:
            delete_files(binned.id)
    return is_deleted


def _lock(workspace: Workspace, binned: Binned) -> Path:
    artifacts = workspace.artifacts
    if binned.kind == "run":
        return artifacts.run_lock(binned.id)
    return artifacts.dataset_lock(binned.id)


def _folder(workspace: Workspace, binned: Binned) -> Path:
    artifacts = workspace.artifacts
    if binned.kind == "run":
        return artifacts.run_folder(binned.id)
    return artifacts.dataset_folder(binned.id)


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder, which others may be deleting."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
