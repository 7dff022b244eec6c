"""Server and worker processes that `chaos` kills: the real ones, forked from a process with torch.

Forking spares the seconds of imports at every start; everything behind them is what a server does.
"""

import os
import signal
import subprocess
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import torch

from tl_core.bin import empty_bin
from tl_core.cli.work import work
from tl_core.config import RunConfig
from tl_core.data.paths import source_from_path
from tl_core.datasets.importing import import_dataset
from tl_core.export import export_run
from tl_core.runners import ProcessRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["benchmarks.chaos_warm"])
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


def fork_address() -> str:
    """Return the address of the process that forks, which is started if it is not there."""
    forkserver.ensure_running()
    return cast("Any", forkserver)._forkserver._forkserver_address


def _fork_at(address: str) -> None:
    """Let the same process fork the workers; each server would start one of its own otherwise."""
    ours = cast("Any", forkserver)._forkserver
    ours._forkserver_address = address
    ours.ensure_running = lambda: None


def serve(home: str, tasks: Connection, address: str) -> None:
    """Be a server: start the runner, and carry out tasks until it is killed or let go."""
    _fork_at(address)
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


class ForkingRunner(ProcessRunner):
    """`ProcessRunner` whose workers are forked."""

    def _spawn(self) -> subprocess.Popen[bytes]:
        # It has all that the runner uses of a `Popen`.
        return cast("subprocess.Popen[bytes]", _Worker())


class _Worker:
    def __init__(self) -> None:
        reading, to_worker = FORKS.Pipe(duplex=False)
        from_worker, writing = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_work, args=(reading, writing))
        self._process.start()
        reading.close()
        writing.close()
        self.stdin = os.fdopen(os.dup(to_worker.fileno()), "wb", buffering=0)
        self.stdout = os.fdopen(os.dup(from_worker.fileno()), "rb", buffering=0)
        to_worker.close()
        from_worker.close()
        self.pid = cast("int", self._process.pid)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        return self.returncode

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()


def _work(reading: Connection, writing: Connection) -> None:
    """Be a worker, as `python -m tl_core work` is one."""
    torch.set_num_threads(1)
    os.dup2(reading.fileno(), 0)
    os.dup2(writing.fileno(), 1)
    reading.close()
    writing.close()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work()
