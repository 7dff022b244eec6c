"""End of the server: within ten seconds of being asked, whoever still holds a connection."""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

_LONGEST_SECONDS = 9.0
"""Time from the signal after which the process ends without waiting any longer."""
_EXIT_CODE_OF_SIGNAL = 128
"""Number that is added to the signal's, as shells do."""


def end_in_time(first: Callable[[], object]) -> None:
    """Have a signal that asks the server to end call `first` at once, and be obeyed in time.

    Uvicorn waits for its connections before it lets the app end, and a browser that hangs never
    closes its own. Call it in the main thread, once uvicorn has set its handlers; elsewhere
    nothing happens, since there are none.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _Handler(before, first))


class _Handler:
    """Handler of a signal in front of the server's own."""

    def __init__(self, before: Callable[..., object], first: Callable[[], object]) -> None:
        self._before = before
        self._first = first
        self._is_asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._is_asked:
            self._is_asked = True
            threading.Thread(
                target=self._end, args=(number,), name="transferlab-end", daemon=True
            ).start()
        self._before(number, frame)

    def _end(self, number: int) -> None:
        end_at = time.monotonic() + _LONGEST_SECONDS
        self._first()
        time.sleep(max(0.0, end_at - time.monotonic()))
        # A regular end would have taken this thread with it.
        os._exit(_EXIT_CODE_OF_SIGNAL + number)
