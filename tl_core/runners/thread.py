"""One background thread of this process works through the store's queue."""

from tl_core.runners.server import ServerRunner
from tl_core.runners.work_loop import work_through_queue


class ThreadRunner(ServerRunner):
    """Takes runs from the queue in the store, which outlives the process.

    A run that is asked to stop, or to pause, does so between two steps: a thread cannot be ended
    in the middle of one, however long it takes.
    """

    def _work(self) -> None:
        work_through_queue(self._workspace, self._stopping, self._woken)
