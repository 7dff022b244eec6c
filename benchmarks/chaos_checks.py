"""What must hold after a kill: records, files and figures, compared with those before it."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from tl_core.records import BEST_VAL, Run, RunState
from tl_core.settings import Settings
from tl_core.upkeep.doctor import examine
from tl_core.workspace import Workspace

_SPLITS = ("val", BEST_VAL, "test")


@dataclass(frozen=True)
class Finished:
    """A run that was never killed, as it was found when it had ended."""

    run: Run
    figures: list[Any]
    """Everything that was measured: metrics, result, predictions."""
    model: dict[str, bytes]
    files: dict[str, str]
    """Digests of the files of the run and of its dataset."""


def take_down(workspace: Workspace, run_id: str) -> Finished:
    """Take down everything about a finished run."""
    run = workspace.store.get_run(run_id)
    artifacts = workspace.artifacts
    folders = (artifacts.run_folder(run.id), artifacts.dataset_folder(run.config.data.dataset_id))
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return Finished(run, _figures(workspace, run), _model(workspace, run), files)


def _figures(workspace: Workspace, run: Run) -> list[Any]:
    store = workspace.store
    predictions = [store.list_predictions(run.id, split) for split in _SPLITS]
    return [run.result, run.epochs_done, run.best_epoch, store.list_metrics(run.id), predictions]


def _model(workspace: Workspace, run: Run) -> dict[str, bytes]:
    tensors = load_file(workspace.artifacts.checkpoint(run.id))
    return {name: tensor.tobytes() for name, tensor in tensors.items()}


def complaints(workspace: Workspace, kept: Finished, resumed: str | None) -> Iterator[str]:
    """Yield what is not as if there had been no kill.

    Args:
        kept: a finished run from before, with the same settings as the other.
        resumed: id of the run that was cut off, if there is one.
    """
    yield from doctors_findings(workspace.settings)
    if take_down(workspace, kept.run.id) != kept:
        yield f"The finished run {kept.run.id} has changed."
    if resumed is None:
        return
    run = workspace.store.get_run(resumed)
    if run.state is not RunState.COMPLETED:
        yield f"The run that was cut off is {run.state}: {run.message}"
        return
    names = ("result", "epochs done", "best epoch", "metrics", "predictions")
    pairs = zip(names, _figures(workspace, run), kept.figures, strict=True)
    for name, found, expected in pairs:
        if found != expected:
            yield f"The {name} of the run that was cut off are not those of one that never was."
    if _model(workspace, run) != kept.model:
        yield "The model of the run that was cut off is not that of one that never was."


def doctors_findings(settings: Settings) -> Iterator[str]:
    for examined in examine(settings):
        yield f"The doctor finds: {examined.finding.sentence}"


def is_whole_zip(path: Path) -> bool:
    """Return whether a zip file can be read to its end."""
    with zipfile.ZipFile(path) as file:
        return file.testzip() is None
