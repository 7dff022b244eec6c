"""A worker process works through the store's queue; a thread of this process starts it again when it dies.

What training does to a process (its memory, its crashes, Python's one lock) stays out of this one.
A worker whose run was asked to stop and does not is ended, and another goes on with the queue.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tl_core.errors import StoreUnavailable
from tl_core.runners.overdue import LOOK_SECONDS, OverdueStops
from tl_core.runners.server import SHUTDOWN_SECONDS, ServerRunner
from tl_core.runners.work_loop import work_through_queue
from tl_core.store import Death, fail_stale_runs
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-m", "tl_core", "work")
_SOON_SECONDS = 30.0
"""A worker that has lived less than this is started again ever more slowly."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 60.0
_ATTEMPTS = 3
"""After so many workers in a row that gave up at once, there is no use in another."""


class ProcessRunner(ServerRunner):
    """The queue is in the store, so it outlives both processes; the worker only takes from it."""

    def __init__(self, workspace: Workspace, command: Sequence[str] = _COMMAND) -> None:
        super().__init__(workspace)
        self._command, self._lock = command, threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def shutdown(self) -> None:
        """Interrupt what is running, keeping its finished epochs, and wait for it a few seconds."""
        with self._lock:
            self._stopping.set()
            worker = self._worker
        if worker:
            _close(worker)
            try:
                worker.wait(SHUTDOWN_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
        super().shutdown()

    def _wake(self) -> None:
        super()._wake()
        with self._lock:
            if self._worker:
                _write(self._worker, b"\n")

    def _work(self) -> None:
        pause, gave_up = 0.0, 0
        while not self._stopping.wait(pause):
            started = time.monotonic()
            code = self._follow_worker()
            if self._stopping.is_set():
                return
            if code is None:
                _log.warning("A run did not stop when asked; its worker was ended, another starts")
                pause = 0.0
                gave_up = 0
                continue
            has_lived = time.monotonic() - started > _SOON_SECONDS
            pause = 0.0 if has_lived else min(max(2 * pause, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            gave_up = 0 if has_lived or code <= 0 else gave_up + 1
            if gave_up == _ATTEMPTS:
                _log.error("No worker process can be had; this one carries the runs out itself")
                return work_through_queue(self._workspace, self._stopping, self._woken)
            _log.error("The worker process %s; starting another in %g s", how_it_ended(code), pause)

    def _follow_worker(self) -> int | None:
        """Start a worker and see to its end, and to the run that it leaves.

        Returns:
            Its return code; None if it was ended here because its run did not stop.
        """
        try:
            worker = self._start_worker()
            if worker is None:
                return 1
            was_ended = self._watch(worker)
            _close(worker)
            death = None
            if not was_ended and not self._stopping.is_set():
                words = how_it_ended(worker.returncode)
                death = Death(worker.pid, f"The process that trained it {words}.")
            fail_stale_runs(self._workspace.store, self._workspace.artifacts, death)
            return None if was_ended else worker.returncode
        except Exception:
            # There is no process to be had, or the store is out of reach: both may pass.
            _log.exception("The worker process could not be started or followed")
            return 1

    def _watch(self, worker: subprocess.Popen[bytes]) -> bool:
        """Wait for the worker's end; true if it was ended here because its run did not stop."""
        stops = OverdueStops(self._workspace, worker)
        while worker.poll() is None:
            time.sleep(LOOK_SECONDS)
            # While the store is out of reach the worker goes on, and says so in the log.
            with contextlib.suppress(StoreUnavailable, OSError):
                if stops.end_worker_if_overdue():
                    return True
        return False

    def _start_worker(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            # A process group of its own, so that Ctrl+C in the server's terminal reaches it through the server alone.
            # In a session of its own its being nice would mean nothing to Linux, which then shares out by session.
            worker = subprocess.Popen(
                self._command,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                bufsize=0,
                process_group=0,
            )
            _write(worker, self._workspace.settings.model_dump_json().encode() + b"\n")
            self._worker = worker
        return worker


def how_it_ended(code: int) -> str:
    """The end of a sentence about a process, from what `Popen.wait` says."""
    if code == -signal.SIGKILL:
        return "was killed, as the system does when memory runs out"
    if code < 0:
        return f"crashed ({signal.strsignal(-code) or -code})"
    return f"ended with code {code}"


def _write(worker: subprocess.Popen[bytes], message: bytes) -> None:
    if worker.stdin:
        with contextlib.suppress(
            OSError, ValueError
        ):  # it has just died: the next one looks by itself
            worker.stdin.write(message)


def _close(worker: subprocess.Popen[bytes]) -> None:
    if worker.stdin:
        with contextlib.suppress(OSError):
            worker.stdin.close()


def _environment() -> dict[str, str]:
    """This process's, in which our code is found even where it is not installed."""
    ours = str(Path(__file__).parents[2])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH")])),
    }
