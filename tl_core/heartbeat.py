"""Signs of life that a worker process sends to its server wherever its work gets a step further.

No thread of its own sends them: one that has nothing else to do would beat on beside work that
hangs.
"""

import os
import sys
import threading
import time
from contextlib import suppress

_EVERY_SECONDS = 1.0


class _Heart:
    pipe: int | None = None
    """Descriptor of the pipe to the server; None in processes that nobody watches."""
    next_beat = 0.0

    def beat(self) -> None:
        now = time.monotonic()
        if self.pipe is None or now < self.next_beat:
            return
        if threading.current_thread() is not threading.main_thread():
            return
        self.next_beat = now + _EVERY_SECONDS
        # The server may have ended, or have signs enough that it has not read.
        with suppress(OSError):
            os.write(self.pipe, b".")


_heart = _Heart()


def beat_through_stdout() -> None:
    """Send signs of life through standard output from now on, which takes nothing else any more."""
    sys.stdout.flush()
    _heart.pipe = os.dup(1)
    # A server that does not read must not hold up training. Windows cannot have it so.
    with suppress(OSError, AttributeError):
        os.set_blocking(_heart.pipe, False)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def beat() -> None:
    """Send a sign of life, at most one a second; other threads than the main one send none."""
    _heart.beat()
