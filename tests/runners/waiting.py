"""Waits for what a runner does with a run."""

import time
from collections.abc import Callable

from tl_core.records import Run
from tl_core.workspace import Workspace


def wait_for(
    workspace: Workspace, run: Run, holds: Callable[[Run], object], seconds: float = 60.0
) -> Run:
    give_up = time.monotonic() + seconds
    while not holds(found := workspace.store.get_run(run.id)):
        assert time.monotonic() < give_up, found
        time.sleep(0.02)
    return found


def finish(workspace: Workspace, run: Run, seconds: float = 60.0) -> Run:
    return wait_for(workspace, run, lambda run: run.state.is_finished, seconds)


def process_of(workspace: Workspace, run: Run) -> int:
    """The one that executes the run."""
    return int(workspace.artifacts.run_lock(run.id).read_text())
