"""Watch over children at work: one thread ends those that take too much time or memory."""

import threading
import time
from contextlib import suppress
from typing import Literal, Protocol

import psutil

_LOOK_SECONDS = 0.2


class Watched(Protocol):
    """Child with a task that has limits."""

    pid: int
    deadline: float
    """Moment on the monotonic clock at which the task has taken too long by the wall clock."""
    most_cpu: float
    """Processor seconds that the task may take."""
    most_memory: int
    """Bytes of memory that the process may hold."""

    def end(self, reason: Literal["time", "memory"]) -> None:
        """End the process, since it takes too much of one of these."""


class Watch:
    """Thread that looks at all children at work a few times a second, and sleeps without any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: dict[Watched, float | None] = {}
        """Children, with their processor seconds when first looked at in this task."""
        self._begun = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, child: Watched) -> None:
        with self._lock:
            self._at_work[child] = None
            # A forked process has no threads of its parent's.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._look, name="transferlab-watch", daemon=True
                )
                self._thread.start()
        self._begun.set()

    def finish(self, child: Watched) -> None:
        with self._lock:
            self._at_work.pop(child, None)

    def _look(self) -> None:
        while True:
            self._begun.wait()
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                if not self._at_work:
                    self._begun.clear()
                children = dict(self._at_work)
            for child, cpu_before in children.items():
                self._look_at(child, cpu_before)

    def _look_at(self, child: Watched, cpu_before: float | None) -> None:
        if time.monotonic() > child.deadline:
            child.end("time")
            return
        # It may have ended by itself meanwhile, which its parent notices by its pipe.
        with suppress(psutil.Error):
            process = psutil.Process(child.pid)
            times = process.cpu_times()
            cpu = times.user + times.system
            if cpu_before is None:
                with self._lock:
                    if child in self._at_work:
                        self._at_work[child] = cpu
            elif cpu - cpu_before > child.most_cpu:
                child.end("time")
            elif process.memory_info().rss > child.most_memory:
                child.end("memory")


WATCH = Watch()
"""Watch of this process."""
