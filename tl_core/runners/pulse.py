"""Watch over a worker's signs of life."""

import os
import subprocess
import threading
import time
from contextlib import suppress

import psutil

from tl_core.runners.overdue import LOOK_SECONDS

SILENT_SECONDS = 60.0
"""Time without a sign of life after which a worker that computes nothing either is ended."""
BUSY_SECONDS = 600.0
"""Time without a sign of life after which a worker is ended that does compute.

One step of a large network takes a minute on a busy machine, and compiling for a GPU several.
"""
_LEAST_SHARE = 0.02
"""Share of a core from which a worker counts as computing; waiting and idle threads take less."""


class Pulse:
    """Signs of life of one worker, which come through its standard output (`heartbeat`)."""

    def __init__(self, worker: subprocess.Popen[bytes]) -> None:
        self._worker = worker
        self._looked = time.monotonic()
        self._beat = self._looked
        self._worked = self._looked
        self._processor = self._processor_seconds()
        threading.Thread(target=self._listen, name="transferlab-pulse", daemon=True).start()

    @property
    def seconds_silent(self) -> float:
        """Seconds since the last sign of life, or since the worker was started."""
        return time.monotonic() - self._beat

    def is_lost(self) -> bool:
        """Check the worker once, and return whether it hangs. To be called every `LOOK_SECONDS`."""
        now = time.monotonic()
        if now - self._looked > SILENT_SECONDS / 4 + LOOK_SECONDS:
            # This process itself stood still, and has not read what came meanwhile.
            self._beat = now
        self._looked = now
        used = self._processor_seconds()
        if used - self._processor >= _LEAST_SHARE * SILENT_SECONDS:
            self._processor = used
            self._worked = now
        silent = now - self._beat
        works = now - self._worked < SILENT_SECONDS
        return silent >= (BUSY_SECONDS if works else SILENT_SECONDS)

    def _listen(self) -> None:
        stream = self._worker.stdout
        if stream is None:
            return
        # Ends with the worker. The descriptor is closed by nobody else.
        with stream, suppress(OSError):
            while os.read(stream.fileno(), 4096):
                self._beat = time.monotonic()

    def _processor_seconds(self) -> float:
        try:
            times = psutil.Process(self._worker.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)
