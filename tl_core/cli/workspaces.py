"""Opening of the workspace for a command."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.workspace import Workspace

ACTING_FOR: ContextVar[str] = ContextVar("acting_for", default="")
"""Id of the person for whom a server has started this command; empty for the operator."""


def open_and_tidy() -> Workspace:
    """Open the workspace, and settle the runs whose process has ended.

    Returns:
        The workspace as far as the person may use it for whom this command was started; that of
        somebody who was removed refuses everything.

    Raises:
        UnknownPerson: there is nobody with that id.
    """
    from tl_core.access import Directory, bind
    from tl_core.runs.recovery import recover_for_command
    from tl_core.workspace import open_workspace

    workspace = open_workspace()
    recover_for_command(workspace)
    person = Directory(workspace).person(ACTING_FOR.get())
    return bind(workspace, person)
