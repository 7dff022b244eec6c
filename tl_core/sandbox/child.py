"""Child process that carries out tasks on untrusted bytes, as its parent sees it."""

import mmap
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import psutil

from tl_core.errors import TransferLabError
from tl_core.sandbox.watch import WATCH
from tl_core.sandbox.wire import BrokenWire, fill, receive, send

Death = Literal["time", "memory", "killed", "crashed"]
"""Reason why a child ended: its limits, the signal KILL from elsewhere, or a crash of its own."""
Content = Path | BinaryIO | bytes

_PARENT = Path(__file__).parents[2]
_SIGKILL = 9
"""Number of the signal; Windows has no name for it."""
_SIGXCPU = getattr(signal, "SIGXCPU", None)
_PASSED_ON = (
    *("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "TMPDIR", "HOME", "USERPROFILE"),
    *("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONWARNDEFAULTENCODING", "VIRTUAL_ENV", "AS_WINDOWS"),
)
"""Variables that a child gets; passwords of databases and keys of services are not among them."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_KEEPING_MEMORY = dict.fromkeys(
    ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(16 * 2**20)
)
"""Bytes of freed memory that glibc keeps for the next task, rather than fetch it anew by pages."""
_LAST_SECONDS = 5.0
"""Longest wait for the end of a child that has closed its pipe."""
_A_MOMENT = 0.1
"""Seconds of a task below which a child cannot have taken much memory."""
_IN_A_MAP = 2**20
"""Size of an answer from which it gets memory of its own, which goes back to the system at once."""


class ChildDied(Exception):
    """A child has ended over its task, or was ended."""

    def __init__(self, reason: Death) -> None:
        super().__init__(reason)
        self.reason = reason


class Refusal(Exception):
    """A child has looked at the content and refuses it; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Limits of one task."""

    memory: int
    """Bytes of memory beyond those that the program itself takes."""
    cpu_seconds: float
    wall_seconds: float
    """Seconds by the clock: a waiting child takes no processor time."""
    answer_bytes: int
    """Largest answer that is read."""


@dataclass(frozen=True, slots=True)
class Answer:
    message: Mapping[str, Any]
    """Values from JSON. A child is not trusted, so they are checked by whoever reads them."""
    following: memoryview
    """Bytes after the message, writable."""


class Child:
    """Process that runs `python -m MODULE`, whose main function calls `sandbox.inside.serve`.

    It ends when its parent does. One thread at a time may use it.
    """

    def __init__(self, module: str) -> None:
        """
        Raises:
            TransferLabError: the system cannot start a process.
        """
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                # `-m` finds the package in the working directory.
                cwd=_PARENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment | _ONE_THREAD | _KEEPING_MEMORY,
            )
        except OSError as error:
            raise TransferLabError(
                f"No process can be started to read the file ({error.strerror}). Try again when "
                "this machine has less to do."
            ) from error
        self.pid = self._process.pid
        self._began = 0.0
        self.deadline = 0.0
        self.most_cpu = 0.0
        self.most_memory = 0
        self._ended_for: Death | None = None

    def ask(
        self,
        name: str,
        arguments: Mapping[str, Any],
        content: Content,
        allowance: Allowance,
    ) -> Answer:
        """Have the child carry out a task.

        Args:
            name: name of the task, in the table that the child serves.
            content: bytes to work on; of a path, the child opens the file itself.

        Raises:
            Refusal: the child refuses the content.
            OSError: the content cannot be read, or there is no memory for the answer; the child
                can no longer be used.
            ChildDied: it has ended; it can no longer be used.
        """
        self._began = time.monotonic()
        self.deadline = self._began + allowance.wall_seconds
        self.most_cpu = allowance.cpu_seconds
        # Programs hold less than what they have reserved, which the system limits more exactly.
        self.most_memory = allowance.memory + 2**30
        WATCH.begin(self)
        try:
            self._send(name, arguments, content, allowance)
            return self._receive(allowance)
        except (BrokenWire, BrokenPipeError) as error:
            raise ChildDied(self._death()) from error
        finally:
            WATCH.finish(self)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def is_larger_than(self, n_bytes: int) -> bool:
        """Tell if the process holds more memory than that after a task that was not a small one."""
        if time.monotonic() - self._began < _A_MOMENT:
            return False
        try:
            return bool(psutil.Process(self.pid).memory_info().rss > n_bytes)
        # It has ended, so that nobody should use it again.
        except psutil.Error:
            return True

    def end(self, reason: Death) -> None:
        """End the process at once, for this reason."""
        self._ended_for = reason
        self._process.kill()

    def close(self) -> None:
        """End the process, and give its pipes back."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _send(
        self, name: str, arguments: Mapping[str, Any], content: Content, allowance: Allowance
    ) -> None:
        stream = cast(BinaryIO, self._process.stdin)
        path = str(content) if isinstance(content, Path) else None
        size = 0
        if not isinstance(content, Path):
            content = BytesIO(content) if isinstance(content, bytes) else content
            size = content.seek(0, os.SEEK_END)
            content.seek(0)
        task = {
            "name": name,
            "arguments": arguments,
            "path": path,
            "memory": allowance.memory + size,
            "seconds": allowance.cpu_seconds,
        }
        send(stream, task, size)
        if not isinstance(content, Path):
            # In pieces, so that a large upload on disk never is in this process's memory.
            shutil.copyfileobj(content, stream, 2**18)
        stream.flush()

    def _receive(self, allowance: Allowance) -> Answer:
        stream = cast(BinaryIO, self._process.stdout)
        message, n_bytes = receive(stream)
        if n_bytes > allowance.answer_bytes:
            self.end("crashed")
            raise BrokenWire("The answer is too large.")
        room = memoryview(mmap.mmap(-1, n_bytes) if n_bytes > _IN_A_MAP else bytearray(n_bytes))
        fill(stream, room)
        if "memory" in message:
            self.end("memory")
            raise BrokenWire("Its memory ran out.")
        if "unreadable" in message:
            raise Refusal(f"It cannot be read: {message['unreadable']}.")
        if "refused" in message:
            raise Refusal(str(message["refused"]))
        return Answer(message, room)

    def _death(self) -> Death:
        # Its pipe closes a little before its end, whose reason a signal from here would hide.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_SECONDS)
        self.close()
        code = self._process.returncode
        if self._ended_for is not None:
            return self._ended_for
        if _SIGXCPU is not None and code == -_SIGXCPU:
            return "time"
        return "killed" if code == -_SIGKILL else "crashed"
