"""Recovery of runs whose process has ended, as the settings ask for it."""

from tl_core.locks import is_locked
from tl_core.records import Run
from tl_core.store import Death, recover_runs
from tl_core.workspace import Workspace


def goes_on(workspace: Workspace) -> bool:
    """Return whether runs that a server carried out go on by themselves after its end."""
    return workspace.settings.after_restart == "resume"


def recover(workspace: Workspace, death: Death | None = None) -> list[str]:
    """Settle the runs whose process has ended, for a server, which then goes on with them.

    Args:
        death: how a worker has just ended, for its run.

    Returns:
        The ids of these runs.
    """
    resumes = goes_on(workspace)
    return recover_runs(workspace.store, workspace.artifacts, death, resumes=lambda run: resumes)


def recover_for_command(workspace: Workspace) -> list[str]:
    """Settle the runs whose process has ended, for a command, and return their ids.

    A server's run goes back to the queue, and waits there for a server. That of a command whose
    terminal was closed is interrupted, unless a server is there to go on with it.
    """
    artifacts = workspace.artifacts
    has_server = is_locked(artifacts.server_lock)

    def is_ours(run: Run) -> bool:
        # A server knows how its own workers ended.
        return not (has_server and artifacts.is_servers(run.id))

    def resumes(run: Run) -> bool:
        return goes_on(workspace) and (has_server or artifacts.is_servers(run.id))

    return recover_runs(workspace.store, artifacts, which=is_ours, resumes=resumes)
