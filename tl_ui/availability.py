"""Availability of this machine, looked at beforehand so that nobody has to wait."""

import time
from collections.abc import Callable
from threading import Lock, Thread

from tl_core.machine import Available, probe_available

FRESH_SECONDS = 15.0
"""Age up to which a look at the machine is taken for the present."""
USABLE_SECONDS = 60.0
"""Age up to which it is still used while a thread takes a new one."""


class Availability:
    """Looks at the machine. Thread-safe.

    A look at a busy machine takes half a second of all its cores, and many people may wait for it.

    Args:
        probe: takes a look.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        probe: Callable[[], Available] = probe_available,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._found: Available | None = None
        self._at = 0.0
        self._looking = Lock()

    def now(self) -> Available:
        """Return what is available, as of a minute ago at the most."""
        found = self._found
        age = self._age()
        if found is None or age > USABLE_SECONDS:
            return self._look_once()
        if age > FRESH_SECONDS and self._looking.acquire(blocking=False):
            Thread(target=self._look_again, name="transferlab-look", daemon=True).start()
        return found

    def _age(self) -> float:
        return self._clock() - self._at

    def _look_once(self) -> Available:
        """Look, or wait for the look of somebody who came a moment earlier."""
        with self._looking:
            if self._found is None or self._age() > USABLE_SECONDS:
                self._look()
            assert self._found is not None
            return self._found

    def _look_again(self) -> None:
        try:
            self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        found = self._probe()
        self._at = self._clock()
        self._found = found
