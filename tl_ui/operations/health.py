"""Health of the server: whether it lives, and whether it can serve.

Both are answered to everyone, so they hold codes only, and nothing of people, paths or addresses.
"""

from collections.abc import Callable
from threading import Lock
from typing import Literal

from anyio import to_thread
from cachetools import TTLCache, cachedmethod
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tl_core.errors import TransferLabError
from tl_core.home import why_not_writable
from tl_core.runners import ProcessRunner, ThreadRunner
from tl_core.runners.pulse import BUSY_SECONDS, SILENT_SECONDS
from tl_core.store.patience import waiting_for_store
from tl_core.workspace import Workspace

Worker = Literal["alive", "silent", "hung", "absent", "thread"]
"""State of what trains: silent for a minute, as a long step may be, or for longer than any."""

_FRESH_SECONDS = 1.0
"""Time for which an answer is given again, since anybody may ask for it."""


class Health:
    """Answers `/healthz` and `/readyz`."""

    def __init__(
        self,
        get_house: Callable[[], Workspace],
        get_runner: Callable[[], ProcessRunner | ThreadRunner],
    ) -> None:
        self._get_house = get_house
        self._get_runner = get_runner
        self._found: TTLCache[object, tuple[str, ...]] = TTLCache(1, _FRESH_SECONDS)
        self._lock = Lock()

    async def alive(self, request: Request) -> Response:
        """Answer 200 while this process and its worker live, 503 if the worker hangs."""
        worker = self.worker()
        body = {"status": "failing" if worker == "hung" else "ok", "worker": worker}
        return _uncached(body, 503 if worker == "hung" else 200)

    async def ready(self, request: Request) -> Response:
        """Answer 200 if everything that people need is there, else 503 and why."""
        reasons = await to_thread.run_sync(self.reasons)
        body = {"status": "unready" if reasons else "ready", "reasons": list(reasons)}
        return _uncached(body, 503 if reasons else 200)

    def worker(self) -> Worker:
        """Return the state of what trains."""
        try:
            runner = self._get_runner()
        except TransferLabError:
            return "absent"
        if isinstance(runner, ThreadRunner):
            return "thread" if runner.is_started else "absent"
        silent = runner.seconds_silent
        if silent is None:
            return "absent"
        if silent < SILENT_SECONDS:
            return "alive"
        # A worker that computes is given ten minutes, and then some seconds until it is ended.
        return "silent" if silent < BUSY_SECONDS + SILENT_SECONDS else "hung"

    @cachedmethod(lambda self: self._found, key=lambda self: None, lock=lambda self: self._lock)
    def reasons(self) -> tuple[str, ...]:
        """Return codes of what is missing; none if all is there."""
        try:
            house = self._get_house()
            # Opening it has migrated the schema, and a schema of a newer release is refused.
            with waiting_for_store(0):
                house.store.is_queue_held()
        except TransferLabError:
            return ("store-away",)
        reasons = []
        if why_not_writable(house.settings.home):
            reasons.append("home-not-writable")
        if house.room.is_short:
            reasons.append("disk-full")
        worker = self.worker()
        if worker not in ("alive", "thread"):
            reasons.append(f"worker-{worker}")
        return tuple(reasons)


def _uncached(body: dict[str, object], status: int) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store"})
