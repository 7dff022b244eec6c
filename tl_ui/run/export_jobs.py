"""Runs being packed to be taken away, each in a child process, so that closing the page loses nothing."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.export import Figures
from tl_core.workspace import Workspace
from tl_ui.background import Job, get_jobs


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
    parameters: int


def find_packing(workspace: Workspace, run_id: str) -> Job | None:
    """The run's zip being made, or the job that failed to make one."""
    return get_jobs().find(_note(workspace, run_id))


def start_packing(workspace: Workspace, run_id: str, formats: Sequence[str]) -> Job:
    """Begin to pack a run; where that is under way already, it is given back."""
    if (job := find_packing(workspace, run_id)) and not job.is_over:
        return job
    arguments = [
        "pack",
        run_id,
        f"--format={','.join(formats)}",
        f"--to={export_file(workspace, run_id, formats)}",
    ]
    return get_jobs().start(arguments, _note(workspace, run_id))


def packs(job: Job, formats: Sequence[str]) -> bool:
    """Whether these are the formats that it was to pack."""
    return f"--format={','.join(formats)}" in job.arguments


def _note(workspace: Workspace, run_id: str) -> Path:
    """Where the job says that it is done. A deleted run has no such folder, and gets none anew."""
    return workspace.artifacts.run_folder(run_id) / "packed" / "export.json"


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
        return Packed(
            file.stat().st_size,
            figures,
            metrics["receipt"],
            left_out,
            has_script,
            metrics["parameters"],
        )
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
    ):  # of another version, or just deleted
        return None
