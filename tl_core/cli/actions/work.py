"""The worker process: it carries out queued runs, and ends with the server that started it."""

import contextlib
import os
from pathlib import Path

from tl_core.cli.leash import Leash
from tl_core.runners.work_loop import work_through_queue
from tl_core.settings import Settings
from tl_core.workspace import open_workspace

_NICE = 5
"""Behind whoever answers people, and not so far that it stands still while they look at pages."""
_OOM_SCORE = "500"
"""When memory runs out, Linux ends the process with the highest score, from 0 to 1000: not the web server."""


def work(leash: Leash) -> None:
    os.nice(_NICE)
    with contextlib.suppress(OSError):  # not every system has it
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    workspace = open_workspace(Settings.model_validate_json(leash.first_line))
    leash.begin()
    work_through_queue(workspace, leash.stopping, leash.woken)
    workspace.store.close()
