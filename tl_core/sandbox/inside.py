"""Inside of a child process: it takes one task after the other until its parent is gone."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from tl_core.errors import TransferLabError
from tl_core.sandbox.wire import BrokenWire, read_exactly, receive, send

Work = Callable[[Mapping[str, Any], BinaryIO], tuple[dict[str, Any], bytes | memoryview]]
"""Function of a task's arguments and content; returns a message and the bytes that follow it."""

_FIRST_TO_GO = "1000"
"""Score with which Linux ends a process first when memory runs out, rather than the server."""


def serve(work: Mapping[str, Work]) -> None:
    """Carry out tasks from standard input; return when it closes.

    Args:
        work: what the child can do, by name.
    """
    # Ctrl+C reaches every process of a terminal; this one ends with its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not get among the answers.
    os.dup2(2, 1)
    _be_the_first_to_go()
    # What the libraries take themselves is no part of a task's allowance.
    base = psutil.Process().memory_info().vms
    with suppress(BrokenWire, BrokenPipeError):
        while True:
            task, n_bytes = receive(tasks)
            _limit(base, task["memory"], task["seconds"])
            message, following = _carry_out(work, task, tasks, n_bytes)
            send(answers, message, len(following))
            answers.write(following)
            answers.flush()


def _carry_out(
    work: Mapping[str, Work], task: Mapping[str, Any], tasks: BinaryIO, n_bytes: int
) -> tuple[dict[str, Any], bytes | memoryview]:
    try:
        content = _content(task, tasks, n_bytes)
        with content:
            return work[task["name"]](task["arguments"], content)
    except TransferLabError as error:
        return {"refused": str(error)}, b""
    except OSError as error:
        return {"unreadable": error.strerror or "error in reading"}, b""
    except MemoryError:
        return {"memory": True}, b""


def _content(task: Mapping[str, Any], tasks: BinaryIO, n_bytes: int) -> BinaryIO:
    if task["path"] is not None:
        return Path(task["path"]).open("rb")
    return BytesIO(read_exactly(tasks, n_bytes))


def _limit(base: int, memory: int, seconds: float) -> None:
    """Have the system refuse memory beyond the allowance, and end a task that takes too long."""
    # Windows has neither; the parent watches both, which is slower to notice.
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    # A second more than the parent grants, which tells the reason.
    ends = int(used.ru_utime + used.ru_stime + seconds) + 2
    # Some systems do not know a limit, or have a lower one of their own.
    for kind, wanted in ((resource.RLIMIT_AS, base + memory), (resource.RLIMIT_CPU, ends)):
        with suppress(ValueError, OSError):
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (wanted, hard))
    with suppress(ValueError, OSError):
        # A crash is expected here, and its image of memory would only fill the disk.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _be_the_first_to_go() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")
