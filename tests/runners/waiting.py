"""Waiting for the effects of a runner on a run."""

from collections.abc import Callable

from waiting import wait_until

from tl_core.records import Run
from tl_core.workspace import Workspace


def wait_for(workspace: Workspace, run: Run, holds: Callable[[Run], object]) -> Run:
    wait_until(lambda: holds(workspace.store.get_run(run.id)), "what the run was to become")
    return workspace.store.get_run(run.id)


def finish(workspace: Workspace, run: Run) -> Run:
    return wait_for(workspace, run, lambda run: run.state.is_finished)


def process_of(workspace: Workspace, run: Run) -> int:
    """Return the id of the process that executes the run."""
    return workspace.artifacts.process_of(run.id)
