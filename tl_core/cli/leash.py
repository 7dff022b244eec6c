"""Lifetime of a child process, tied to its parent by standard input.

The parent writes to a pipe that closes when it ends, however that happens.
"""

import os
import threading
import time

_LONGEST_LINE = 1_000_000
_PATIENCE_SECONDS = 30.0


class Leash:
    """Reader of standard input: a first line, then bytes that each wake the child, then the end."""

    def __init__(self) -> None:
        """Wait for the first line, which is empty if there is no parent."""
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self._has_begun = False
        # Not `sys.stdin`, whose lock, held by the listening thread, would block the exit.
        with open(0, "rb", buffering=0, closefd=False) as stream:
            self.first_line = stream.readline(_LONGEST_LINE).decode()
        threading.Thread(target=self._listen, name="transferlab-leash", daemon=True).start()

    def begin(self) -> None:
        """Have the end of the parent set `stopping`; until now it ends the process at once."""
        self._has_begun = True

    def _listen(self) -> None:
        while os.read(0, 4096):
            self.woken.set()
        self.stopping.set()
        self.woken.set()
        if self._has_begun:
            # Then exit in any case, since no parent is left to end a process that hangs.
            time.sleep(_PATIENCE_SECONDS)
        # `sys.exit` would end this thread only.
        os._exit(0)
