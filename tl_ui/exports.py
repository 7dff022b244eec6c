"""Runs being packed to be taken away: each in a thread of its own, so that closing the page loses nothing."""

import json
import threading
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tl_core.errors import Cancelled, TransferLabError, UnknownRun
from tl_core.export import Figures, export_run
from tl_core.export.placing import disk_errors
from tl_core.workspace import Workspace


@dataclass
class Export:
    """One run being packed, looked at by pages while its thread works."""

    run_id: str
    formats: tuple[str, ...]
    started: float = field(default_factory=time.monotonic)
    words: str = "Waiting for another export to finish"
    share: float = 0.0
    error: str = ""
    is_finished: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self._stop.set()


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip that is ready."""

    n_bytes: int
    figures: tuple[Figures, ...]
    receipt: dict[str, Any] | None
    """With "n", "difference" and "tolerance"."""
    left_out: tuple[str, ...]
    """Sentences; may hold user text."""
    has_training_script: bool


class Exports:
    """The exports of this process, one at a time, since each uses the whole CPU."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._all: dict[str, Export] = {}
        self._slot, self._lock = threading.Semaphore(1), threading.Lock()

    def get(self, run_id: str) -> Export | None:
        """The run's last one; None when there was none."""
        return self._all.get(run_id)

    def start(self, run_id: str, formats: Sequence[str]) -> Export:
        """Begin to pack a run; where that is under way already, it is given back."""
        with self._lock:
            known = self._all.get(run_id)
            if known and not known.is_finished:
                return known
            job = self._all[run_id] = Export(run_id, tuple(formats))
        threading.Thread(target=self._work, args=(job,), name=f"export-{run_id}", daemon=True).start()
        return job

    def _work(self, job: Export) -> None:
        try:
            with self._slot:
                self._pack(job)
        except Cancelled:
            job.error = "Stopped as asked; nothing of it was kept."
        except TransferLabError as error:
            job.error = str(error)
        except Exception as error:
            job.error = f"Something unforeseen went wrong ({type(error).__name__}). Nothing was kept."
            raise
        finally:
            job.is_finished = True

    def _pack(self, job: Export) -> None:
        def note(words: str, share: float) -> None:
            job.words, job.share = words, share

        store, artifacts = self._workspace.store, self._workspace.artifacts
        target = export_file(self._workspace, job.run_id, job.formats)
        with disk_errors():
            for old in target.parent.glob("export-*.zip"):  # one a run; who is downloading it keeps what is open
                old.unlink(missing_ok=True)
        export_run(
            self._workspace,
            job.run_id,
            target,
            job.formats,
            as_zip=True,
            on_progress=note,
            should_stop=job._stop.is_set,
        )
        try:
            store.get_run(job.run_id)
        except UnknownRun:  # deleted meanwhile
            artifacts.delete_run(job.run_id)
            raise


def export_file(workspace: Workspace, run_id: str, formats: Sequence[str]) -> Path:
    """Where a run's zip with those formats lies, or would lie."""
    return workspace.artifacts.run_folder(run_id) / f"export-{'-'.join(formats)}.zip"


def packed_formats(workspace: Workspace, run_id: str) -> tuple[str, ...]:
    """Of the zip that there is; none where there is none."""
    files = workspace.artifacts.run_folder(run_id).glob("export-*.zip")
    return next((tuple(file.stem.removeprefix("export-").split("-")) for file in files), ())


def read_packed(workspace: Workspace, run_id: str, formats: Sequence[str]) -> Packed | None:
    """The zip with those formats; None where there is none, or the model has learned more since."""
    file = export_file(workspace, run_id, formats)
    try:
        if file.stat().st_mtime < workspace.artifacts.checkpoint(run_id).stat().st_mtime:
            return None
        with zipfile.ZipFile(file) as archive:
            folder = f"transferlab-{run_id}/"
            metrics = json.loads(archive.read(f"{folder}metrics.json"))
            has_script = f"{folder}train.py" in archive.namelist()
        figures = tuple(Figures(**each) for each in metrics["formats"])
        left_out = tuple(metrics["left_out"])
        return Packed(file.stat().st_size, figures, metrics["receipt"], left_out, has_script)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError):  # of another version, or just deleted
        return None
