"""Ends a worker process whose run was asked to stop and does not.

Training asks only between two steps, and a step of a large network may take a minute. Ending the
process takes no longer than that of a small one, and costs the unfinished epoch, as any stop does.
"""

import contextlib
import subprocess
import time

from tl_core.locks import hold_lock, is_locked
from tl_core.records import Run
from tl_core.workspace import Workspace

LOOK_SECONDS = 0.25
"""Between two looks at a worker and at what its run was asked."""
PATIENCE_SECONDS = 2.0
"""From the request to stop until the worker is ended."""
_LAST_WORDS_SECONDS = 0.25
"""From SIGTERM, on which a worker that can still act writes down what it has, until SIGKILL."""


class OverdueStops:
    """Follows the requests to stop that concern one worker."""

    def __init__(self, workspace: Workspace, worker: subprocess.Popen[bytes]) -> None:
        self._workspace = workspace
        self._worker = worker
        self._asked: dict[str, float] = {}
        """Time just before each run was asked, by its id; of the monotonic clock."""

    def end_worker_if_overdue(self) -> bool:
        """Look at the store once; true if the worker was ended.

        Its run is then left to `fail_stale_runs`, unless the worker wrote its state down itself.
        """
        now = time.monotonic()
        self._asked = {
            run.id: self._asked.get(run.id, now - LOOK_SECONDS) for run in self._asked_runs()
        }
        if all(now - asked < PATIENCE_SECONDS for asked in self._asked.values()):
            return False
        # While this is held nobody claims a run, so the worker cannot have gone on to another one.
        with hold_lock(self._workspace.artifacts.claim_lock):
            is_overdue = any(
                now - self._asked.get(run.id, now) >= PATIENCE_SECONDS and self._is_executed(run)
                for run in self._asked_runs()
            )
            if is_overdue:
                self._end_worker()
        return is_overdue

    def _asked_runs(self) -> list[Run]:
        """Lists runs that are to stop, but for those that were tested and are all but completed."""
        store = self._workspace.store
        return [
            run
            for run in store.list_running_runs()
            if run.result is None and store.asked_of(run.id) is not None
        ]

    def _is_executed(self, run: Run) -> bool:
        """Whether the worker holds the run's lock."""
        lock = self._workspace.artifacts.run_lock(run.id)
        return is_locked(lock) and lock.read_text() == str(self._worker.pid)

    def _end_worker(self) -> None:
        self._worker.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.wait(_LAST_WORDS_SECONDS)
            return
        self._worker.kill()
        self._worker.wait()
