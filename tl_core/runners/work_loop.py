"""Loop that takes runs from the queue and carries them out one at a time."""

import logging
import os
import threading

from tl_core.cancellation import Stop
from tl_core.errors import StoreAway
from tl_core.heartbeat import beat
from tl_core.logs import logged_as
from tl_core.runs.execute import claim, execute_run
from tl_core.runs.recovery import goes_on, recover
from tl_core.store import Death
from tl_core.store.patience import WORK_SECONDS, waiting_for_store
from tl_core.training.device import is_gpu_usable
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_AWAY = "The store did not answer for two minutes, so that nothing could be recorded."
"""Sentence on a run that this process had to leave."""


def work_through_queue(
    workspace: Workspace,
    stopping: threading.Event,
    woken: threading.Event,
    *,
    is_replaced: bool = False,
) -> None:
    """Carry out queued runs until `stopping` is set, which puts the current one back.

    Args:
        workspace: its store holds the queue.
        stopping: checked several times a second; set `woken` as well to end a wait.
        woken: set when a run was queued; without it, the queue is checked every second.
        is_replaced: whether another process takes over when this one ends, so that it also ends
            when it cannot use its GPU any more.
    """
    left_off: Death | None = None
    while not stopping.is_set():
        beat()
        try:
            with waiting_for_store(WORK_SECONDS):
                # A killed command line leaves its run in the state RUNNING.
                recover(workspace, left_off)
                left_off = None
                with claim(workspace) as run:
                    if run:
                        stop = Stop(stopping.is_set)
                        with logged_as(run=run.id, person=run.owner):
                            execute_run(workspace, run, stop=stop, goes_on=goes_on(workspace))
                        # Another one may be waiting.
                        woken.set()
        except StoreAway as error:
            _log.error("The runner waits for the store (%s)", error)
            left_off = Death(os.getpid(), _AWAY, is_deadly=False)
        except Exception:
            # For example, the store is unreachable for a while: keep trying.
            _log.exception("The runner could not take or finish a run")
        if is_replaced and not is_gpu_usable():
            _log.error("The GPU failed, and this process can use it no more; another takes over")
            return
        woken.wait(_LOOK_SECONDS)
        woken.clear()
