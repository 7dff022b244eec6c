"""Experiments without a front end: a folder becomes a dataset, settings become an experiment."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.pictures import make_folder
from tl_core.config import make_run_config
from tl_core.data.paths import source_from_path
from tl_core.datasets.importing import import_dataset
from tl_core.memory import keep_freed_memory
from tl_core.runs.execute import make_experiment
from tl_core.settings import Settings
from tl_core.training import Experiment
from tl_core.workspace import Workspace, open_workspace


@dataclass(frozen=True)
class Trial:
    """Everything that another process needs to make the same experiment."""

    home: str
    weights: str | None
    dataset: str
    settings: dict[str, Any]

    @classmethod
    def read(cls, text: str) -> "Trial":
        return cls(**json.loads(text))

    def written(self) -> str:
        return json.dumps(asdict(self))

    def with_settings(self, **more: Any) -> "Trial":
        return replace(self, settings={**self.settings, **more})

    def experiment(self, name: str, cached: bool = True) -> Experiment:
        """Make an experiment that saves its model and training state under `name`."""
        keep_freed_memory()  # as the app and the command line do
        workspace = _open(Path(self.home), self.weights)
        experiment = make_experiment(workspace, make_run_config(self.dataset, self.settings), name)
        # Not among the runs: the store knows none of this name, and a start sweeps such away.
        folder = Path(self.home) / "experiments" / name
        folder.mkdir(parents=True, exist_ok=True)
        placed = replace(
            experiment,
            checkpoint=folder / experiment.checkpoint.name,
            state_path=folder / experiment.state_path.name,
            outputs=folder / experiment.outputs.name,
        )
        return placed if cached else replace(placed, cache=None)


def make_trial(home: Path, folder: Path, weights: Path | None, settings: dict[str, Any]) -> Trial:
    """Import the folder as a dataset of a new workspace."""
    workspace = _open(home, str(weights) if weights else None)
    source, limits = source_from_path(folder), workspace.settings.limits
    record = import_dataset(
        workspace.store, workspace.artifacts, source, name=folder.name, limits=limits
    ).record
    workspace.store.close()
    return Trial(str(home), str(weights) if weights else None, record.id, settings)


def find_folder(data: Path | None, name: str, scratch: Path, tiny: bool) -> Path:
    """Return a folder of real images, or make a synthetic one."""
    if tiny:
        return make_folder(scratch / "tiny", classes=2, per_class=12, size=(80, 60))
    if data and (data / name).is_dir():
        return data / name
    return make_folder(scratch / "made up", classes=2, per_class=200)


def _open(home: Path, weights: str | None) -> Workspace:
    database = f"sqlite:///{home / 'transferlab.db'}"
    return open_workspace(
        Settings(
            home=home, database_url=database, weights_folder=Path(weights) if weights else None
        )
    )
