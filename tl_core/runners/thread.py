"""One background thread of this process works through the store's queue."""

from tl_core.runners.server import ServerRunner
from tl_core.runners.work_loop import work_through_queue


class ThreadRunner(ServerRunner):
    """The queue is in the store, so it outlives the process; this thread only takes from it."""

    def _work(self) -> None:
        work_through_queue(self._workspace, self._stopping, self._woken)
