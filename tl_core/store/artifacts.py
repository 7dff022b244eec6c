"""Where files lie under the home folder. Names inside are ours; user text never becomes a path."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tl_core.locks import try_lock


class Artifacts:
    """The folders `datasets/<id>`, `runs/<id>` and `staging/<random>` under `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def dataset_folder(self, dataset_id: str) -> Path:
        return self.home / "datasets" / dataset_id

    def run_folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def checkpoint(self, run_id: str) -> Path:
        """The run's best model so far."""
        return self.run_folder(run_id) / "model.safetensors"

    def training_state(self, run_id: str) -> Path:
        """All that training needs to go on after the last finished epoch."""
        return self.run_folder(run_id) / "training-state.pt"

    def outputs(self, run_id: str) -> Path:
        """The folder for what the run's model said (`tl_core.outputs`)."""
        return self.run_folder(run_id) / "outputs"

    def run_lock(self, run_id: str) -> Path:
        """Locked by the process that executes the run, for as long as it lives; its text is that process's id."""
        return self.home / "locks" / f"{run_id}.lock"

    def dataset_lock(self, dataset_id: str) -> Path:
        """Held while the dataset's folder is put in place or removed."""
        return self.home / "locks" / f"dataset-{dataset_id}.lock"

    @property
    def claim_lock(self) -> Path:
        """Held while runs are claimed or looked over, so that none is seen between being claimed and being locked."""
        return self.home / "locks" / "claim.lock"

    @contextmanager
    def staging_folder(self) -> Iterator[Path]:
        """A fresh folder for half-done work, gone afterwards whatever happens.

        It is locked while in use; `sweep_staging` clears what a killed process left.
        """
        folder = self.home / "staging" / uuid.uuid4().hex
        lock = folder.with_suffix(".lock")
        with try_lock(lock):
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def sweep_staging(self) -> None:
        """Remove the staging folders whose process has died."""
        for lock in (self.home / "staging").glob("*.lock"):
            with try_lock(lock) as died:
                if died:
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                    lock.unlink(missing_ok=True)

    def delete_dataset(self, dataset_id: str) -> None:
        shutil.rmtree(self.dataset_folder(dataset_id), ignore_errors=True)

    def delete_run(self, run_id: str) -> None:
        shutil.rmtree(self.run_folder(run_id), ignore_errors=True)
        self.run_lock(run_id).unlink(missing_ok=True)
