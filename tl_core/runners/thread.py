"""One background thread of this process works through the store's queue."""

import threading

from tl_core.config import RunConfig
from tl_core.records import Run
from tl_core.runners.enqueue import enqueue
from tl_core.runners.resume import resume
from tl_core.runners.working import work_through_queue
from tl_core.store import fail_stale_runs
from tl_core.workspace import Workspace

_SHUTDOWN_SECONDS = 5.0


class ThreadRunner:
    """The queue is in the store, so it outlives the process; this thread only takes from it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stopping, self._woken = threading.Event(), threading.Event()
        work = (workspace, self._stopping, self._woken)
        self._thread = threading.Thread(target=work_through_queue, args=work, name="transferlab-runner", daemon=True)

    def start(self) -> None:
        """Clear up after a process that was killed, then begin."""
        fail_stale_runs(self._workspace.store, self._workspace.artifacts)
        self._workspace.artifacts.sweep_staging()
        self._thread.start()

    def submit(self, config: RunConfig) -> Run:
        """Queue a run and come back at once. Raises as `enqueue` does."""
        run = enqueue(self._workspace, config)
        self._woken.set()
        return run

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """Queue a run again and come back at once. Raises as the function `resume` does."""
        run = resume(self._workspace, run_id, epochs)
        self._woken.set()
        return run

    def shutdown(self) -> None:
        """Interrupt what is running, keeping its finished epochs, and wait for it a few seconds."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_SHUTDOWN_SECONDS)
