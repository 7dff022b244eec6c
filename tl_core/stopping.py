"""A request to stop, which whoever does long work asks about from time to time."""

import math
import time
from collections.abc import Callable

from tl_core.errors import Cancelled


class Stop:
    """Knows whether work was asked to stop; once it was, it stays so."""

    def __init__(
        self, ask: Callable[[], bool] = lambda: False, *, every_seconds: float = 0.0
    ) -> None:
        """
        Args:
            ask: answers whether to stop; without it the answer is always no.
            every_seconds: least time between two calls of `ask`, where it is not cheap.
        """
        self._ask = ask
        self._every_seconds = every_seconds
        self._next_call = -math.inf
        self._is_asked = False

    @property
    def is_asked(self) -> bool:
        now = time.monotonic()
        if not self._is_asked and now >= self._next_call:
            self._next_call = now + self._every_seconds
            self._is_asked = self._ask()
        return self._is_asked

    def check(self) -> None:
        """Raises `Cancelled` if work was asked to stop."""
        if self.is_asked:
            raise Cancelled("Stopped as asked.")


NEVER = Stop()
"""For work that nobody can ask to stop."""
