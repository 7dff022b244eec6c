"""Hidden command `work`: the worker process, which ends with the server that started it."""

import contextlib
import os
from pathlib import Path

from tl_core.cli.leash import Leash
from tl_core.memory import importing

_NICE = 5
"""Priority behind whoever answers people, but high enough to progress while they look at pages."""
_OOM_SCORE = "500"
"""Linux ends the process of the highest score, 0 to 1000, first: not the web server, whose is 0."""


def work() -> None:
    """Carry out queued runs for the server that started this, and end with it.

    Its settings are the first line of standard input, as JSON. Every byte after it means that
    there may be a new run.
    """
    leash = Leash()
    if not leash.first_line:
        return
    # The leash is held before these seconds, in which the server may end.
    with importing():
        from tl_core.runners.work_loop import work_through_queue
        from tl_core.settings import Settings
        from tl_core.workspace import open_workspace

    os.nice(_NICE)
    with contextlib.suppress(OSError):  # not every system has it
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    workspace = open_workspace(Settings.model_validate_json(leash.first_line))
    leash.begin()
    work_through_queue(workspace, leash.stopping, leash.woken)
    workspace.store.close()
