"""Expected durations with the range in which they should lie."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tl_core.machine import Available
from tl_core.text import about, between

_SURE = 1.7
"""Largest ratio of the ends of a range that is told as one figure."""
_LOAD_CHANGES = 1.6
"""Ratio by which the cores that others leave may change while a run lasts."""

_JITTER_SECONDS = 0.2
"""Seconds by which any run may be off, for want of a disk or a turn."""


@dataclass(frozen=True, slots=True)
class Span:
    """Expected seconds, and the range in which they should lie."""

    low: float
    expected: float
    high: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, factor: float) -> "Span":
        return Span(factor * self.low, factor * self.expected, factor * self.high)

    @property
    def is_sure(self) -> bool:
        """True if one figure says enough."""
        return self.high <= _SURE * self.low

    def say(self) -> str:
        """Say one figure where it is sure, else a range: `30 seconds to 2 minutes`."""
        return about(self.expected) if self.is_sure else between(self.low, self.high)


NOTHING = Span(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Part:
    """Processor seconds of a part of a run, the cores that it can use, and how sure this is."""

    processor: float
    cores: float
    factor: float
    """Ratio between what the part may take and what is expected, at least 1."""
    waited: float = 0.0
    """Seconds without work."""
    n: int = 0
    """Measurements that the part is known from."""

    def times(self, n: float) -> "Part":
        """Return the same part, done `n` times."""
        return replace(self, processor=n * self.processor, waited=n * self.waited)

    def seconds(self, available: Available) -> float:
        """Return the seconds that the part takes with the cores that are available."""
        return self.waited + self.processor / available.cores_for(self.cores)


def add_up(parts: Iterable[Part], available: Available) -> Span:
    """Return the duration of parts that follow one another.

    Each part may be off for reasons of its own, so that the errors partly cancel out; what other
    programs take changes for all parts alike.
    """
    pairs = [(part.seconds(available), math.log(part.factor)) for part in parts]
    expected = sum(seconds for seconds, _ in pairs)
    if not expected:
        return NOTHING
    own = math.hypot(*(seconds * error for seconds, error in pairs)) / expected
    # What nobody else uses is not expected to be taken.
    load = 0.0 if available.is_all else math.log(_LOAD_CHANGES)
    moment = min(1.0, _JITTER_SECONDS / expected)
    factor = math.exp(math.hypot(own, load, moment))
    return Span(expected / factor, expected, expected * factor)
