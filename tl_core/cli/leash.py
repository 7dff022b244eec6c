"""Standard input as a leash: a child process is told there what to do, and ends with who holds the other end."""

import os
import threading
import time

_LONGEST_LINE = 1_000_000
_PATIENCE_SECONDS = 30.0


class Leash:
    """A first line, then bytes that each wake the child, then the end, however it comes about."""

    def __init__(self) -> None:
        """Wait for the first line, which is empty when there is nobody."""
        self.stopping, self.woken = threading.Event(), threading.Event()
        self._has_begun = False
        # Not by sys.stdin, whose lock would be in the way when all is done.
        with open(0, "rb", buffering=0, closefd=False) as stream:
            self.first_line = stream.readline(_LONGEST_LINE).decode()
        threading.Thread(target=self._listen, name="transferlab-leash", daemon=True).start()

    def begin(self) -> None:
        """From now on there is something to be ended in order: until here the process ends on the spot."""
        self._has_begun = True

    def _listen(self) -> None:
        while os.read(0, 4096):
            self.woken.set()
        self.stopping.set()
        self.woken.set()
        if self._has_begun:
            # Nobody is left who could end a process that hangs after this.
            time.sleep(_PATIENCE_SECONDS)
        os._exit(0)
