"""Termination of a worker process whose run does not stop when asked.

Training checks for a stop between two steps, and one step of a large network may take a minute.
Ending the process is quick, and loses no more than any stop does: the unfinished epoch.
"""

import contextlib
import subprocess
import time

from tl_core.locks import is_locked, try_lock
from tl_core.records import Run
from tl_core.workspace import Workspace

LOOK_SECONDS = 0.25
"""Time between two checks of a worker and of the requests to its run."""
PATIENCE_SECONDS = 1.25
"""Time from the request to stop until the worker is ended.

With the look before it and the signals after it, the worker is gone within two seconds, which
leaves a second for the page to show it within three.
"""
_TERM_SECONDS = 0.25
"""Time between SIGTERM, on which a responsive worker records its state, and SIGKILL."""


class OverdueStops:
    """Watches for requests to stop that one worker does not follow."""

    def __init__(self, workspace: Workspace, worker: subprocess.Popen[bytes]) -> None:
        self._workspace = workspace
        self._worker = worker
        self._asked: dict[str, float] = {}
        """Earliest time of the request to each run, by its id, on the monotonic clock."""

    def end_worker_if_overdue(self) -> bool:
        """Check the store once, and return whether the worker was ended.

        Its run is then left to `recover_runs`, unless the worker recorded its state itself.
        """
        now = time.monotonic()
        # A request first seen now was made since the last check.
        self._asked = {
            run.id: self._asked.get(run.id, now - LOOK_SECONDS) for run in self._asked_runs()
        }
        # First without the lock, which every claim would wait for.
        if all(now - asked < PATIENCE_SECONDS for asked in self._asked.values()):
            return False
        # No run can be claimed under this lock, so the worker cannot move on to another run.
        # Not waited for: a worker that hangs while it holds the lock must still be noticed.
        with try_lock(self._workspace.artifacts.claim_lock) as is_ours:
            is_overdue = is_ours and any(
                # A request that appeared only now has not been waited for.
                now - self._asked.get(run.id, now) >= PATIENCE_SECONDS and self._is_executed(run)
                for run in self._asked_runs()
            )
            if is_overdue:
                self._end_worker()
        return is_overdue

    def _asked_runs(self) -> list[Run]:
        """List the running runs that were asked to stop, without those already tested."""
        store = self._workspace.store
        return [
            run
            for run in store.list_running_runs()
            if run.result is None and store.asked_of(run.id) is not None
        ]

    def _is_executed(self, run: Run) -> bool:
        """Return whether the worker holds the run's lock."""
        artifacts = self._workspace.artifacts
        is_executed = is_locked(artifacts.run_lock(run.id))
        return is_executed and artifacts.process_of(run.id) == self._worker.pid

    def _end_worker(self) -> None:
        self._worker.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.wait(_TERM_SECONDS)
            return
        self._worker.kill()
        # The run's lock is free only when the process is gone.
        self._worker.wait()
