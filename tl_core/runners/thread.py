"""Runner of a server, which trains in a background thread."""

from tl_core.runners.server import ServerRunner
from tl_core.runners.work_loop import work_through_queue


class ThreadRunner(ServerRunner):
    """Carries out queued runs in a thread of the server.

    A run stops or pauses only between two steps, because a thread cannot be ended within one.
    """

    def _work(self) -> None:
        work_through_queue(self._workspace, self._stopping, self._woken)
