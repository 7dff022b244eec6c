"""Runners: each carries out runs behind `submit` and `resume`, and returns their records.

The command line runs in its own thread; a server in a worker process or a background thread.
"""

from typing import Protocol

from tl_core.config import RunConfig
from tl_core.records import Run
from tl_core.runners.enqueue import enqueue
from tl_core.runners.inline import InlineRunner
from tl_core.runners.process import ProcessRunner
from tl_core.runners.resume import resume
from tl_core.runners.thread import ThreadRunner
from tl_core.workspace import Workspace


class Runner(Protocol):
    def submit(self, config: RunConfig) -> Run: ...

    def resume(self, run_id: str, epochs: int | None = None) -> Run: ...


def make_server_runner(workspace: Workspace) -> ProcessRunner | ThreadRunner:
    """Return the runner that the settings name, for a server that also answers requests."""
    if workspace.settings.runner == "thread":
        return ThreadRunner(workspace)
    return ProcessRunner(workspace)


__all__ = [
    "InlineRunner",
    "ProcessRunner",
    "Runner",
    "ThreadRunner",
    "enqueue",
    "make_server_runner",
    "resume",
]
