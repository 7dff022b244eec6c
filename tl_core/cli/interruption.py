"""Ctrl-C that ends a command in mid-step.

Python raises `KeyboardInterrupt` once its main thread is back from C++ code, in which one backward
pass of a large network on a CPU may keep it for a minute.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""A shell's for a command that was ended by SIGINT."""
_ENDING = {signal.SIGINT, signal.SIGTERM}
_PATIENCE_SECONDS = 2.0


@contextmanager
def ended_by_signals(before_exit: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM end the process, two seconds later if not before.

    In order where Python can react; else at once, as if it were killed. What a command writes is
    whole or not there at any time, and the next one finds the run interrupted. For the main thread.

    Args:
        before_exit: called before the process is ended at once, such as to restore the terminal.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    threading.Thread(target=_follow, args=(reading, before_exit), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)


def _follow(signals: int, before_exit: Callable[[], None]) -> None:
    """Read the numbers of signals until the block is left, or has not been left in time."""
    while not _ENDING & set(numbers := os.read(signals, 64)):
        if not numbers:
            return os.close(signals)
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while select.select([signals], [], [], max(0.0, give_up - time.monotonic()))[0]:
        if not os.read(signals, 64):
            return os.close(signals)
    before_exit()
    sys.stderr.write("Interrupted.\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
