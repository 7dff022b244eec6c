"""Loop that takes runs from the queue and carries them out one at a time."""

import logging
import threading

from tl_core.cancellation import Stop
from tl_core.heartbeat import beat
from tl_core.runs.execute import claim, execute_run
from tl_core.runs.recovery import goes_on, recover
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


def work_through_queue(
    workspace: Workspace, stopping: threading.Event, woken: threading.Event
) -> None:
    """Carry out queued runs until `stopping` is set, which puts the current one back.

    Args:
        workspace: its store holds the queue.
        stopping: checked several times a second; set `woken` as well to end a wait.
        woken: set when a run was queued; without it, the queue is checked every second.
    """
    while not stopping.is_set():
        beat()
        try:
            # A killed command line leaves its run in the state RUNNING.
            recover(workspace)
            with claim(workspace) as run:
                if run:
                    stop = Stop(stopping.is_set)
                    execute_run(workspace, run, stop=stop, goes_on=goes_on(workspace))
                    continue
        except Exception:
            # For example, the store is unreachable for a while: keep trying.
            _log.exception("The runner could not take or finish a run")
        woken.wait(_LOOK_SECONDS)
        woken.clear()
