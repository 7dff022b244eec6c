"""Who carries out a run: siblings behind `submit(config) -> Run` and `resume(run_id, epochs) -> Run`."""

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
    """The one that the settings name, for a server that also answers people."""
    return (
        ThreadRunner(workspace)
        if workspace.settings.runner == "thread"
        else ProcessRunner(workspace)
    )


__all__ = [
    "InlineRunner",
    "ProcessRunner",
    "Runner",
    "ThreadRunner",
    "enqueue",
    "make_server_runner",
    "resume",
]
