"""Request to stop, polled by long-running work."""

import math
import time
from collections.abc import Callable

from tl_core.errors import Cancelled


class Stop:
    """Poll for a request to stop; once the answer is yes, it stays yes."""

    def __init__(
        self, ask: Callable[[], bool] = lambda: False, *, every_seconds: float = 0.0
    ) -> None:
        """
        Args:
            ask: returns True when the work is to stop; by default it never does.
            every_seconds: shortest time between two calls of `ask`, for one that is expensive.
        """
        self._ask = ask
        self._every_seconds = every_seconds
        # The first check always asks.
        self._next_call = -math.inf
        self._is_asked = False

    @property
    def is_asked(self) -> bool:
        # The wall clock may be set back, which would put off the next call.
        now = time.monotonic()
        if not self._is_asked and now >= self._next_call:
            self._next_call = now + self._every_seconds
            self._is_asked = self._ask()
        return self._is_asked

    def check(self) -> None:
        """Raise `Cancelled` if the work was asked to stop."""
        if self.is_asked:
            raise Cancelled("Stopped as asked.")


NEVER = Stop()
"""Default for work that cannot be stopped."""
