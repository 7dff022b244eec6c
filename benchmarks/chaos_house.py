"""Server and worker processes that `chaos` kills: the real ones, forked from a process with torch.

Forking spares the seconds of imports at every start; everything behind them is what a server does.
"""

from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.forking import ForkingRunner, fork_at
from tl_core.bin import empty_bin
from tl_core.config import RunConfig
from tl_core.data.paths import source_from_path
from tl_core.datasets.importing import import_dataset
from tl_core.export import export_run
from tl_core.runners import ProcessRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

Task = tuple[str, str] | tuple[str, RunConfig]
"""Name of a task, and what it is about."""


class Tasks:
    """Tasks of a server beside its runner, each of which may be cut short."""

    def __init__(self, workspace: Workspace, runner: ProcessRunner) -> None:
        self._workspace = workspace
        self._runner = runner

    def ingest(self, folder: str) -> str:
        """Import a folder; return the dataset's id."""
        workspace = self._workspace
        source = source_from_path(Path(folder))
        limits = workspace.settings.limits
        name = Path(folder).name
        imported = import_dataset(
            workspace.store, workspace.artifacts, source, name=name, limits=limits
        )
        return imported.record.id

    def train(self, config: RunConfig) -> str:
        """Queue a run; return its id."""
        return self._runner.submit(config).id

    def export(self, run_id: str) -> str:
        """Export a run as a zip file beside the home folder."""
        target = self._workspace.settings.home.parent / f"{run_id}.zip"
        target.unlink(missing_ok=True)
        export_run(self._workspace, run_id, target, ("safetensors",), as_zip=True)
        return str(target)

    def delete(self, record_id: str) -> str:
        """Delete a run or a dataset for good."""
        store = self._workspace.store
        if any(run.id == record_id for run in store.list_runs()):
            store.bin_run(record_id)
        if any(dataset.id == record_id for dataset in store.list_datasets()):
            store.bin_dataset(record_id)
        empty_bin(self._workspace)
        return record_id


def settings_of(home: Path) -> Settings:
    """Return the settings of an installation without exports for ONNX Runtime, which take long."""
    return Settings(home=home, database_url=f"sqlite:///{home}/transferlab.db", frozen_by="pytorch")


def serve(home: str, tasks: Connection, address: str) -> None:
    """Be a server: start the runner, and carry out tasks until it is killed or let go."""
    fork_at(address)
    torch.set_num_threads(1)
    workspace = open_workspace(settings_of(Path(home)))
    runner = ForkingRunner(workspace)
    runner.start()
    carry_out = Tasks(workspace, runner)
    tasks.send("started")
    while True:
        try:
            name, about = tasks.recv()
        except EOFError:
            return runner.shutdown()
        tasks.send(getattr(carry_out, name)(about))
