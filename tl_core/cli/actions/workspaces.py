"""Opening the workspace for a command."""

from tl_core.store import fail_stale_runs
from tl_core.workspace import Workspace, open_workspace


def open_and_tidy() -> Workspace:
    """The workspace, where no run is said to be running that nobody executes."""
    workspace = open_workspace()
    fail_stale_runs(workspace.store, workspace.artifacts)
    return workspace
