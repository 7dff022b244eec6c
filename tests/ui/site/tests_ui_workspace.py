from functools import cache

from tl_core.workspace import Workspace, open_workspace


@cache
def workspace() -> Workspace:
    return open_workspace()
