"""Termination by Ctrl-C within a training step.

Python raises `KeyboardInterrupt` only when its main thread returns from C++ code, and one backward
pass of a large network on a CPU may take a minute.
"""

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""Exit code that shells use for a command ended by SIGINT."""
_ENDING = {signal.SIGINT, signal.SIGTERM}
_PATIENCE_SECONDS = 2.0


@contextmanager
def ended_by_signals(before_exit: Callable[[], None]) -> Iterator[None]:
    """Make SIGINT and SIGTERM end the process within two seconds, as long as the block runs.

    If Python can react in that time, `KeyboardInterrupt` ends it as usual; otherwise the process
    exits at once. That is safe, because files are written atomically and the next command marks
    the run as interrupted. Only for the main thread.

    Args:
        before_exit: called before such an exit, for example to restore the terminal.
    """
    # Python writes each signal's number there at once, even during C++ code. Sockets, because
    # Windows can wait for nothing else.
    reading, writing = socket.socketpair()
    # `set_wakeup_fd` accepts nothing that can block.
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno())
    threading.Thread(target=_follow, args=(reading, before_exit), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()


def _follow(signals: socket.socket, before_exit: Callable[[], None]) -> None:
    """Wait for a signal or the end of the block, and exit if the block does not end in time."""
    while not _ENDING & set(numbers := signals.recv(64)):
        # The other socket is closed at the end of the block.
        if not numbers:
            return signals.close()
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while select.select([signals], [], [], max(0.0, give_up - time.monotonic()))[0]:
        if not signals.recv(64):
            return signals.close()
    before_exit()
    sys.stderr.write("Interrupted.\n")
    sys.stderr.flush()
    # `sys.exit` would end this thread only.
    os._exit(INTERRUPTED)
