"""Processes that are forked from one in which everything is imported already.

Importing torch, the engine and the app takes seconds of every server and of every worker.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, cast
from unittest.mock import patch

import torch

from tl_core.cli.work import work
from tl_core.runners import ProcessRunner
from tl_core.workspace import Workspace

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["benchmarks.warm"])


def fork_address() -> str:
    """Return the address of the process that forks, which is started if it is not there."""
    forkserver.ensure_running()
    return cast("Any", forkserver)._forkserver._forkserver_address


def fork_at(address: str) -> None:
    """Let the same process fork the workers; each server would start one of its own otherwise."""
    ours = cast("Any", forkserver)._forkserver
    ours._forkserver_address = address
    ours.ensure_running = lambda: None


class Forked:
    """Forked process, with what is used of a `subprocess.Popen`."""

    def __init__(self, target: Callable[..., object], *arguments: object) -> None:
        self._process = FORKS.Process(target=target, args=arguments)
        # The child would run the main module anew, which may be a page under test.
        with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
            self._process.start()
        self.pid = cast("int", self._process.pid)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()


class ForkedWorker(Forked):
    """Worker of a server, with the pipes by which the two hear of each other."""

    def __init__(self, environment: Mapping[str, str], be_worker: Callable[[], object]) -> None:
        reading, to_worker = FORKS.Pipe(duplex=False)
        from_worker, writing = FORKS.Pipe(duplex=False)
        super().__init__(_work, reading, writing, dict(environment), be_worker)
        reading.close()
        writing.close()
        self.stdin = os.fdopen(os.dup(to_worker.fileno()), "wb", buffering=0)
        self.stdout = os.fdopen(os.dup(from_worker.fileno()), "rb", buffering=0)
        to_worker.close()
        from_worker.close()


class ForkingRunner(ProcessRunner):
    """`ProcessRunner` whose workers are forked."""

    def __init__(self, workspace: Workspace, be_worker: Callable[[], object] = work) -> None:
        """
        Args:
            be_worker: what such a process does; can be pickled.
        """
        super().__init__(workspace)
        self._be_worker = be_worker

    def _spawn(self) -> subprocess.Popen[bytes]:
        # It has all that the runner uses of a `Popen`.
        return cast("subprocess.Popen[bytes]", ForkedWorker(os.environ, self._be_worker))


def _work(
    reading: Connection,
    writing: Connection,
    environment: Mapping[str, str],
    be_worker: Callable[[], object],
) -> None:
    """Be a worker, as `python -m tl_core work` is one."""
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    os.dup2(reading.fileno(), 0)
    os.dup2(writing.fileno(), 1)
    reading.close()
    writing.close()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    be_worker()
