"""Runner of a server, which trains in a worker process.

Memory use, crashes and Python's global lock in training then do not affect the server. A thread
of the server starts a new worker when one dies, or when it had to be ended because its run did
not stop when asked or because it hangs.
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
from typing import Any, Literal

from tl_core.errors import StoreUnavailable
from tl_core.runners.overdue import LOOK_SECONDS, OverdueStops
from tl_core.runners.pulse import Pulse
from tl_core.runners.server import SHUTDOWN_SECONDS, ServerRunner
from tl_core.runners.work_loop import work_through_queue
from tl_core.runs.endings import ITS_PROCESS
from tl_core.runs.recovery import recover
from tl_core.store import Death
from tl_core.store.patience import WORK_SECONDS, waiting_for_store
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-m", "tl_core", "work")
_SOON_SECONDS = 30.0
"""Lifetime below which workers are restarted at increasing intervals."""
_SHORTEST_PAUSE = 0.25
_LONGEST_PAUSE = 60.0
_SIGKILL = 9
"""Number of the signal that nothing survives; Windows has no name for it."""
_Reason = Literal["asked", "silent"]
"""Reason for which a server ends a worker: its run was asked to stop, or it hangs."""
_HUNG = f"{ITS_PROCESS} gave no sign of life for a minute, and was ended."
_ATTEMPTS = 3
"""Number of workers in a row that may exit early with an error before no more are started."""


class ProcessRunner(ServerRunner):
    """Runs a worker process that takes runs from the queue in the store."""

    def __init__(self, workspace: Workspace, command: Sequence[str] = _COMMAND) -> None:
        super().__init__(workspace)
        self._command = command
        # Without it, a worker could be started while the server shuts down, and outlive it.
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._pulse: Pulse | None = None

    def shutdown(self) -> None:
        """Interrupt the current run, keeping its finished epochs; wait a few seconds for it."""
        with self._lock:
            self._stopping.set()
            worker = self._worker
        if worker:
            # The end of its standard input tells the worker to stop.
            _close(worker)
            try:
                worker.wait(SHUTDOWN_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
        super().shutdown()

    @property
    def seconds_silent(self) -> float | None:
        """Seconds since the worker's last sign of life; None while there is no worker."""
        pulse = self._pulse
        return pulse.seconds_silent if pulse else None

    def wake(self) -> None:
        super().wake()
        with self._lock:
            if self._worker:
                _write(self._worker, b"\n")

    def _work(self) -> None:
        pause = 0.0
        failures = 0
        while not self._stopping.wait(pause):
            started = time.monotonic()
            code = self._follow_worker()
            if self._stopping.is_set():
                return
            # Another one may do better, so it starts without a pause.
            if code is None:
                _log.warning("A worker hung, or did not stop when asked; it was ended")
                pause = 0.0
                failures = 0
                continue
            has_lived = time.monotonic() - started > _SOON_SECONDS
            pause = 0.0 if has_lived else min(max(2 * pause, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            # A signal or a regular end means that the worker could be started.
            failures = 0 if has_lived or code <= 0 else failures + 1
            if failures == _ATTEMPTS:
                _log.error("Worker processes fail to start; the server carries out runs itself")
                return work_through_queue(self._workspace, self._stopping, self._woken)
            _log.error("The worker process %s; starting another in %g s", how_it_ended(code), pause)

    def _follow_worker(self) -> int | None:
        """Start a worker, wait for its end and recover the run that it leaves.

        Returns:
            Its return code; None if it was ended because its run did not stop or it hung.
        """
        try:
            worker = self._start_worker()
            if worker is None:
                return 1
            reason = self._watch(worker)
            self._pulse = None
            _close(worker)
            with waiting_for_store(WORK_SECONDS):
                recover(self._workspace, self._death_of(worker, reason))
            return None if reason else worker.returncode
        except Exception:
            # Too few resources for a process, or an unreachable store: both may be temporary.
            _log.exception("The worker process could not be started or followed")
            return 1

    def _death_of(self, worker: subprocess.Popen[bytes], reason: _Reason | None) -> Death:
        if reason == "asked" or self._stopping.is_set():
            # This server brought it about, which is no news and not the run's fault.
            return Death(worker.pid, "", is_deadly=False)
        if reason == "silent":
            return Death(worker.pid, _HUNG)
        return Death(worker.pid, f"{ITS_PROCESS} {how_it_ended(worker.returncode)}.")

    def _watch(self, worker: subprocess.Popen[bytes]) -> _Reason | None:
        """Wait for the worker's end; return why it was ended, None if it ended by itself."""
        stops = OverdueStops(self._workspace, worker)
        pulse = self._pulse = Pulse(worker)
        while worker.poll() is None:
            time.sleep(LOOK_SECONDS)
            if pulse.is_lost():
                worker.kill()
                worker.wait()
                return "silent"
            # The worker itself survives an unreachable store and logs it.
            with contextlib.suppress(StoreUnavailable, OSError), waiting_for_store(0):
                if stops.end_worker_if_overdue():
                    return "asked"
        return None

    def _start_worker(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            worker = self._spawn()
            _write(worker, self._workspace.settings.model_dump_json().encode() + b"\n")
            self._worker = worker
        return worker

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=_environment(),
            stdin=subprocess.PIPE,
            # Signs of life. The log goes to stderr, which the worker shares with the server.
            stdout=subprocess.PIPE,
            # A byte that wakes the worker must not wait in a buffer.
            bufsize=0,
            **_own_process_group(),
        )


def _own_process_group() -> dict[str, Any]:
    """Return the arguments of `Popen` by which Ctrl+C in the terminal does not reach the worker.

    The server stops the worker itself. In its own session, Linux would ignore the worker's lower
    priority, because it divides CPU time by session first; on Windows, the priority is set here.
    """
    if sys.platform == "win32":
        below = subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | below}
    return {"process_group": 0}


def how_it_ended(code: int) -> str:
    """Return the rest of a sentence about a process that ended with `Popen.returncode`."""
    if code == -_SIGKILL:
        return "was killed, as the system does when memory runs out"
    if code < 0:
        return f"crashed ({signal.strsignal(-code) or -code})"
    return f"ended with code {code}"


def _write(worker: subprocess.Popen[bytes], message: bytes) -> None:
    if worker.stdin:
        # If the worker has just died, the next one looks into the queue by itself.
        with contextlib.suppress(OSError, ValueError):
            worker.stdin.write(message)


def _close(worker: subprocess.Popen[bytes]) -> None:
    if worker.stdin:
        with contextlib.suppress(OSError):
            worker.stdin.close()


def _environment() -> dict[str, str]:
    """Return this process's environment, with `tl_core` importable even if not installed."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
