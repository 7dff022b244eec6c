"""Take runs from the queue and carry them out, one at a time, for as long as nobody asks to stop."""

import logging
import threading

from tl_core.runs.execute import claim, execute_run
from tl_core.stopping import Stop
from tl_core.store import fail_stale_runs
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


def work_through_queue(
    workspace: Workspace, stopping: threading.Event, woken: threading.Event
) -> None:
    """Work until `stopping` is set; what is running then is interrupted.

    Args:
        workspace: its store holds the queue.
        stopping: asked several times a second; set `woken` with it.
        woken: set when there may be something new in the queue, which is looked at every second anyway.
    """
    while not stopping.is_set():
        try:
            # Of a command line that was killed, or whose end could not be written down.
            fail_stale_runs(workspace.store, workspace.artifacts)
            with claim(workspace) as run:
                if run:
                    execute_run(workspace, run, stop=Stop(stopping.is_set))
                    continue
        except Exception:  # the store may be out of reach for a while; the queue must outlive that
            _log.exception("The runner could not take or finish a run")
        woken.wait(_LOOK_SECONDS)
        woken.clear()
