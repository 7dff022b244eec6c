"""Turns of those who ask a server for predictions, so that nobody takes all of it.

Requests are counted by key, from the first byte of their images to the answer.
"""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from tl_core.serving.api import Refused

_T = TypeVar("_T")

_BUSY = "Too many requests are waiting. Try again in a few seconds."
_TOO_MANY = (
    "Too many requests with this key at a time. Wait for the answers to earlier ones, or send "
    "several images in one request."
)
_TOO_FAST = "Too many requests with this key. Wait a few seconds, or send several images in one."
_MOST_KEYS = 10_000
"""Keys whose rate is remembered."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits on requests."""

    at_once: int = 2
    """Requests that are predicted at once, each of another key."""
    each: int = 4
    """Requests of one key that are read, wait or are predicted at once."""
    together: int = 100
    """Requests of everyone that are; those that are read hold a connection and little memory."""
    per_second: float = 20.0
    """Requests a second of one key, on average."""
    burst: int = 200
    """Requests of one key that may come at once after a pause."""


@dataclass(slots=True)
class _Asker:
    """Holder of a key with requests under way."""

    n: int = 0
    turn: anyio.Lock = field(default_factory=anyio.Lock)


class Turns:
    """Turns in one process; used from its event loop alone."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._limiter = CapacityLimiter(self._pace.at_once)
        self._askers: defaultdict[str, _Asker] = defaultdict(_Asker)
        self._n = 0
        self._last: dict[str, tuple[float, float]] = {}
        """For each key the requests that it had left, and when, on the monotonic clock."""

    @asynccontextmanager
    async def place(self, key: str) -> AsyncIterator[None]:
        """Count a request within the block.

        Raises:
            Refused: there are too many of this key (429), or of everyone (503).
        """
        asker = self._askers[key]
        if asker.n >= self._pace.each:
            raise Refused(_TOO_MANY, 429)
        if self._n >= self._pace.together:
            raise Refused(_BUSY, 503)
        self._take_from_bucket(key)
        asker.n += 1
        self._n += 1
        try:
            yield
        finally:
            asker.n -= 1
            self._n -= 1
            if not asker.n:
                self._askers.pop(key, None)

    async def run(self, key: str, work: Callable[[], _T]) -> _T:
        """Call `work` in a thread when it is this key's turn; a key has one turn at a time."""
        async with self._askers[key].turn:
            return await to_thread.run_sync(work, limiter=self._limiter)

    def _take_from_bucket(self, key: str) -> None:
        now = time.monotonic()
        left, then = self._last.pop(key, (float(self._pace.burst), now))
        left = min(self._pace.burst, left + (now - then) * self._pace.per_second)
        # Those asked longest ago come first; their buckets have filled up again.
        while len(self._last) >= _MOST_KEYS:
            self._last.pop(next(iter(self._last)))
        self._last[key] = (max(0.0, left - 1), now)
        if left < 1:
            raise Refused(_TOO_FAST, 429)
