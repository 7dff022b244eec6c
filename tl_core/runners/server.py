"""What both runners of a server have in common: a queue in the store, which outlives them, and who takes from it."""

from abc import ABC, abstractmethod
from threading import Event, Thread

from tl_core.config import RunConfig
from tl_core.records import Run
from tl_core.runners.enqueue import enqueue
from tl_core.runners.resume import resume
from tl_core.store import fail_stale_runs
from tl_core.workspace import Workspace

SHUTDOWN_SECONDS = 5.0


class ServerRunner(ABC):
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stopping, self._woken = Event(), Event()
        self._thread = Thread(target=self._work, name="transferlab-runner", daemon=True)

    def start(self) -> None:
        """Clear up after a process that was killed, then begin."""
        fail_stale_runs(self._workspace.store, self._workspace.artifacts)
        self._workspace.artifacts.sweep_staging()
        self._thread.start()

    def submit(self, config: RunConfig) -> Run:
        """Queue a run and come back at once. Raises as `enqueue` does."""
        run = enqueue(self._workspace, config)
        self._wake()
        return run

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """Queue a run again and come back at once. Raises as the function `resume` does."""
        run = resume(self._workspace, run_id, epochs)
        self._wake()
        return run

    def shutdown(self) -> None:
        """Interrupt what is running, keeping its finished epochs, and wait for it a few seconds."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(SHUTDOWN_SECONDS)

    def _wake(self) -> None:
        """There may be something new in the queue."""
        self._woken.set()

    @abstractmethod
    def _work(self) -> None:
        """What the thread does until it is to stop."""
