"""Exports in the background: each run is packed in a child process, which outlives the page."""

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
    """Finished zip of a run."""

    n_bytes: int
    figures: tuple[Figures, ...]
    receipt: dict[str, Any] | None
    """Check of the export: "n", "difference" and "tolerance"; None for a run without a test."""
    left_out: tuple[str, ...]
    """Reasons why a format is missing, in sentences; may hold user text."""
    has_training_script: bool
    parameters: int


def find_packing(workspace: Workspace, run_id: str) -> Job | None:
    """Return the job that is packing the run or has failed to, else None."""
    return get_jobs().find(_result_file(workspace, run_id))


def start_packing(
    workspace: Workspace, run_id: str, formats: Sequence[str], person_id: str = ""
) -> Job:
    """Start to pack a run, or return the job that is already doing so.

    Args:
        person_id: person who asks; empty for the operator.
    """
    if (job := find_packing(workspace, run_id)) and not job.is_over:
        return job
    arguments = [
        "pack",
        run_id,
        f"--format={','.join(formats)}",
        f"--to={export_file(workspace, run_id, formats)}",
    ]
    return get_jobs().start(arguments, _result_file(workspace, run_id), person_id)


def packs(job: Job, formats: Sequence[str]) -> bool:
    """Return True if the job packs exactly these formats."""
    return f"--format={','.join(formats)}" in job.arguments


def _result_file(workspace: Workspace, run_id: str) -> Path:
    """Return the file of the job's result, in a folder that is never made again once deleted."""
    return workspace.artifacts.run_folder(run_id) / "packed" / "export.json"


def export_file(workspace: Workspace, run_id: str, formats: Sequence[str]) -> Path:
    """Return the path of the run's zip with these formats; the zip need not exist."""
    # The name is part of the download's address, and tells which formats are inside.
    return workspace.artifacts.run_folder(run_id) / f"export-{'-'.join(formats)}.zip"


def packed_formats(workspace: Workspace, run_id: str) -> tuple[str, ...]:
    """Return the formats of the existing zip, or an empty tuple."""
    # Any of them will do: packing a run deletes its older zips, so that one is left.
    files = workspace.artifacts.run_folder(run_id).glob("export-*.zip")
    return next((tuple(file.stem.removeprefix("export-").split("-")) for file in files), ())


def read_packed(workspace: Workspace, run_id: str, formats: Sequence[str]) -> Packed | None:
    """Read the zip with these formats.

    Returns:
        None where there is no readable zip, or it is older than the model.
    """
    file = export_file(workspace, run_id, formats)
    try:
        # A resumed run gets a new model, which an older zip does not hold.
        if file.stat().st_mtime < workspace.artifacts.checkpoint(run_id).stat().st_mtime:
            return None
        with zipfile.ZipFile(file) as archive:
            folder = f"transferlab-{run_id}/"
            metrics = json.loads(archive.read(f"{folder}metrics.json"))
            has_script = f"{folder}train.py" in archive.namelist()
        return Packed(
            n_bytes=file.stat().st_size,
            figures=tuple(Figures(**each) for each in metrics["formats"]),
            receipt=metrics["receipt"],
            left_out=tuple(metrics["left_out"]),
            has_training_script=has_script,
            parameters=metrics["parameters"],
        )
    # A zip of another version of the app, or one that was deleted meanwhile.
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError):
        return None
