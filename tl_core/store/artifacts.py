"""Paths of files under the home folder, built from generated ids only.

User text never becomes part of a path.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portalocker import LOCK_SH

from tl_core.locks import hold_lock, try_lock

_FOR_A_SERVER = "server"


class Artifacts:
    """Folders `datasets/<id>`, `runs/<id>` and `staging/<random>` under `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def dataset_folder(self, dataset_id: str) -> Path:
        return self.home / "datasets" / dataset_id

    def run_folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def checkpoint(self, run_id: str) -> Path:
        """Return the path of the run's best model so far."""
        return self.run_folder(run_id) / "model.safetensors"

    def training_state(self, run_id: str) -> Path:
        """Return the path of what training needs to continue after the last finished epoch."""
        return self.run_folder(run_id) / "training-state.pt"

    def outputs(self, run_id: str) -> Path:
        """Return the folder of the model's stored logits and features (`tl_core.outputs`)."""
        return self.run_folder(run_id) / "outputs"

    def weights_folder(self, owner: str) -> Path:
        """Return the folder of the weights files that a person has uploaded."""
        folder = self.home / "weights"
        return folder / "of" / owner if owner else folder

    def run_lock(self, run_id: str) -> Path:
        """Return the lock file of the process that executes the run.

        The process holds the lock as long as it lives.
        """
        return self.home / "locks" / f"{run_id}.lock"

    def run_process(self, run_id: str) -> Path:
        """Return the file with the id of the process that executes the run, or last did.

        A second word tells whether it works for a server.
        """
        return self.home / "locks" / f"{run_id}.pid"

    def note_process(self, run_id: str, *, is_servers: bool) -> None:
        """Note that this process executes the run, for a server or for a command."""
        words = [str(os.getpid()), *([_FOR_A_SERVER] if is_servers else [])]
        self.run_process(run_id).write_text(" ".join(words), "ascii")

    def process_of(self, run_id: str) -> int | None:
        """Return the id of the process that executes the run, or last did; None if unknown."""
        try:
            return int(self.run_process(run_id).read_text("ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def is_servers(self, run_id: str) -> bool:
        """Return whether the process that executes the run, or last did, works for a server."""
        try:
            return self.run_process(run_id).read_text("ascii").endswith(_FOR_A_SERVER)
        except (OSError, ValueError):
            return False

    @property
    def server_lock(self) -> Path:
        """Lock that a server holds as long as it lives; it tells commands that one is there."""
        return self.home / "locks" / "server.lock"

    def dataset_lock(self, dataset_id: str) -> Path:
        """Return the lock that is held while the dataset's folder is moved in or removed."""
        return self.home / "locks" / f"dataset-{dataset_id}.lock"

    @property
    def claim_lock(self) -> Path:
        """Lock that is held while runs are claimed or searched for dead processes.

        Without it, a run just claimed but not locked yet would look like one whose process died.
        """
        return self.home / "locks" / "claim.lock"

    @property
    def upkeep_lock(self) -> Path:
        """Lock that is held while leftovers are swept away, and while a backup is restored."""
        return self.home / "locks" / "upkeep.lock"

    @property
    def people_lock(self) -> Path:
        """Lock that is held while somebody joins."""
        return self.home / "locks" / "people.lock"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold off backups and restorations while folders and records are not yet in step."""
        with hold_lock(self.home / "locks" / "changes.lock", LOCK_SH):
            yield

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Hold off whoever adds or deletes datasets and runs, for the moment of a snapshot."""
        with hold_lock(self.home / "locks" / "changes.lock"):
            yield

    @contextmanager
    def staging_folder(self) -> Iterator[Path]:
        """Yield a fresh folder for unfinished work, and delete it afterwards.

        A lock marks it as in use; `sweep_staging` deletes what killed processes left behind.
        """
        while True:
            folder = self.home / "staging" / uuid.uuid4().hex
            # Beside the folder and not in it, because the folder may be moved into place as a
            # whole.
            lock = folder.with_suffix(".lock")
            with try_lock(lock, delete=True) as is_ours:
                # A sweep may have taken a lock that was not held yet, and deleted its file.
                if not is_ours or not lock.exists():
                    continue
                folder.mkdir()
                try:
                    yield folder
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                return

    def sweep_staging(self) -> None:
        """Delete staging folders whose process has died."""
        for lock in (self.home / "staging").glob("*.lock"):
            with try_lock(lock, delete=True) as is_abandoned:
                if is_abandoned:
                    # The folder first: without its lock file, no later sweep would find what is
                    # left of it.
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        for folder in self.staged():
            # Their owners hold a lock before they make the folder.
            if not folder.with_suffix(".lock").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def staged(self) -> list[Path]:
        """List the folders of unfinished work, whether anybody works in them or not."""
        return [path for path in _listed(self.home / "staging") if path.is_dir()]

    def stored_datasets(self) -> set[str]:
        """Return the names of all folders of datasets; temporary ones begin with a dot."""
        return _folder_names(self.home / "datasets")

    def stored_runs(self) -> set[str]:
        """Return the names of all folders of runs."""
        return _folder_names(self.home / "runs")

    def lock_files(self) -> list[Path]:
        return _listed(self.home / "locks")

    @property
    def identity(self) -> Path:
        """File with the identity that this home folder shares with its database."""
        return self.home / "installation.id"

    def delete_dataset(self, dataset_id: str) -> None:
        shutil.rmtree(self.dataset_folder(dataset_id), ignore_errors=True)

    def delete_run(self, run_id: str) -> None:
        shutil.rmtree(self.run_folder(run_id), ignore_errors=True)
        self.run_lock(run_id).unlink(missing_ok=True)
        self.run_process(run_id).unlink(missing_ok=True)


def _listed(folder: Path) -> list[Path]:
    """List a folder; nothing if it does not exist."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folder_names(folder: Path) -> set[str]:
    found = _listed(folder)
    return {path.name for path in found if not path.name.startswith(".") and path.is_dir()}
