"""Hidden command `work`: the worker process of a server, which ends with the server."""

import contextlib
import os
from pathlib import Path

from tl_core.cli.leash import Leash
from tl_core.heartbeat import beat_through_stdout
from tl_core.memory import importing

_NICE = 5
"""Niceness, which gives the web server priority and still lets training progress."""
_OOM_SCORE = "500"
"""Score, 0 to 1000, by which Linux selects a process to kill when memory runs out.

The web server's is 0, so that the worker is killed first.
"""


def work() -> None:
    """Carry out queued runs for the server that started this process, and end with it.

    The first line of standard input holds the settings as JSON; every byte after it means that
    there may be a new run.
    """
    leash = Leash()
    # The server has ended before it sent the settings.
    if not leash.first_line:
        return
    # Imports take seconds, in which the server may already end: the leash comes first.
    with importing():
        from tl_core.logs import start_logging
        from tl_core.runners.work_loop import work_through_queue
        from tl_core.settings import Settings
        from tl_core.workspace import open_workspace

    # On Windows the server has lowered the priority already.
    if hasattr(os, "nice"):
        os.nice(_NICE)
    # Only Linux has this file.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")
    settings = Settings.model_validate_json(leash.first_line)
    start_logging(settings.log)
    workspace = open_workspace(settings)
    beat_through_stdout()
    leash.begin()
    work_through_queue(workspace, leash.stopping, leash.woken, is_replaced=True)
    workspace.store.close()
