"""Opening of the workspace for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.workspace import Workspace


def open_and_tidy() -> Workspace:
    """Open the workspace, and mark as interrupted the runs whose process has ended."""
    from tl_core.store import fail_stale_runs
    from tl_core.workspace import open_workspace

    workspace = open_workspace()
    fail_stale_runs(workspace.store, workspace.artifacts)
    return workspace
