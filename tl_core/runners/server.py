"""Base of a server's runners: a thread that works through the queue in the store.

The queue outlives the server.
"""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from threading import Event, Thread

from tl_core.config import RunConfig
from tl_core.locks import try_lock
from tl_core.records import Run
from tl_core.runners.enqueue import enqueue
from tl_core.runners.resume import resume
from tl_core.runs.recovery import recover
from tl_core.workspace import Workspace

SHUTDOWN_SECONDS = 4.0
"""Longest wait for a run to stop, and then for the thread; both end within ten seconds."""


class ServerRunner(ABC):
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stopping = Event()
        self._woken = Event()
        self._presence = ExitStack()
        # A daemon, so that a long step cannot keep the server from exiting.
        self._thread = Thread(target=self._work, name="transferlab-runner", daemon=True)

    @property
    def workspace(self) -> Workspace:
        """Return the house's workspace, whose queue this works through."""
        return self._workspace

    def start(self) -> None:
        """Clean up after killed processes, then start the thread."""
        # Another server of this home folder may hold it, which tells commands just as well.
        self._presence.enter_context(try_lock(self._workspace.artifacts.server_lock))
        recover(self._workspace)
        # Killed processes leave their unfinished folders behind, which may be large.
        self._workspace.artifacts.sweep_staging()
        self._thread.start()

    def submit(self, config: RunConfig) -> Run:
        """Queue a run without waiting for it. Raises as `enqueue` does."""
        run = enqueue(self._workspace, config)
        self.wake()
        return run

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """Queue a run again without waiting for it. Raises as the function `resume` does."""
        run = resume(self._workspace, run_id, epochs)
        self.wake()
        return run

    def shutdown(self) -> None:
        """Interrupt the current run, keeping its finished epochs; wait a few seconds for it."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(SHUTDOWN_SECONDS)
        self._presence.close()

    @property
    def is_started(self) -> bool:
        """Return whether the thread that works through the queue is there."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Have the queue checked for new runs at once."""
        self._woken.set()

    @abstractmethod
    def _work(self) -> None:
        """Carry out queued runs until `_stopping` is set."""
