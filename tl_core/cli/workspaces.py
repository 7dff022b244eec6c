"""Opening of the workspace for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.workspace import Workspace


def open_and_tidy() -> Workspace:
    """Open the workspace, and settle the runs whose process has ended."""
    from tl_core.runs.recovery import recover_for_command
    from tl_core.workspace import open_workspace

    workspace = open_workspace()
    recover_for_command(workspace)
    return workspace
