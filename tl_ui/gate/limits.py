"""Limits on how often something may be asked, by address or person."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from tl_core.network import as_number

_KNOWN = 10_000
"""Askers that are remembered; whoever asked longest ago is forgotten first."""
_NETWORK_OF_ONE = 64
"""Leading bits of an IPv6 address that one household has to itself."""


@dataclass(frozen=True, slots=True)
class Rate:
    at_once: int
    """Requests that may come at once after a silence."""
    per_second: float
    """Requests that may come in the long run."""


class Limit:
    """Token buckets, one for each asker. To be used by one thread."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: LRUCache[str, tuple[float, float]] = LRUCache(_KNOWN)

    def wait_of(self, asker: str) -> float:
        """Return the seconds until the asker may ask again, 0 for at once; nothing is counted."""
        return max(0.0, (1 - self._left(asker)) / self._rate.per_second)

    def take(self, asker: str) -> float:
        """Count a request and return 0, or return the seconds until it may be repeated."""
        wait = self.wait_of(asker)
        if wait == 0:
            self._buckets[asker] = (self._left(asker) - 1, self._clock())
        return wait

    def _left(self, asker: str) -> float:
        now = self._clock()
        left, counted_at = self._buckets.get(asker, (float(self._rate.at_once), now))
        return min(self._rate.at_once, left + (now - counted_at) * self._rate.per_second)


def household(address: str) -> str:
    """Return what stands for an address in limits: one host of IPv4, one network of IPv6.

    A host of IPv6 has as many addresses as it likes.
    """
    number = as_number(address)
    if number is None or number.version == 4:
        return str(number or address)
    return str(int(number) >> (128 - _NETWORK_OF_ONE))
