"""Processor time of the threads that read images, told apart from that of the network."""

import threading
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Number of images, and the processor seconds that they took together."""

    n: int = 0
    seconds: float = 0.0

    def add(self, n: int, seconds: float) -> None:
        self.n += n
        self.seconds += seconds


@dataclass
class ReadingClock:
    """Counts what reading images took. Threads share it."""

    read: Tally = field(default_factory=Tally)
    """All images that were read, decoded or from the cache, with all of their time."""
    decoded: dict[str, Tally] = field(default_factory=dict)
    """Images that were decoded, by `Form.name`."""
    varied: Tally = field(default_factory=Tally)
    """Images that were augmented on the CPU, without their decoding."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, form: str, decoded: Tally, varied: Tally, rest: Tally) -> None:
        """Count one thread's task.

        Args:
            form: name of the form that images were decoded into.
            rest: images with the time that is neither decoding nor augmentation.
        """
        with self._lock:
            self.decoded.setdefault(form, Tally()).add(decoded.n, decoded.seconds)
            self.varied.add(varied.n, varied.seconds)
            self.read.add(rest.n, decoded.seconds + varied.seconds + rest.seconds)
