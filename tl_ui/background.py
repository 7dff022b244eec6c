"""Work of seconds or minutes for a page, in a child process: done once for all who want it, and its result kept.

One job at a time on a server; others wait for their turn. A page that closes loses nothing.
`ProcessPoolExecutor` will not do: stopping a running job breaks the pool for those that wait, and
its processes outlive a server that is killed.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from tl_core.files import write_whole
from tl_core.text import about

_log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[1]
MOST_SECONDS = 30 * 60
_COMMAND = (sys.executable, "-m", "tl_core.cli.leashed")
_BAD_INPUT = 2
"""Exit code of a command whose last line of errors is a sentence for people."""
_STOPPED = "It was stopped."
_ENOUGH = 0.05
"""Of the work to be seen done before the rest is estimated by it."""


@dataclass(slots=True)
class Job:
    """One command of ours whose answer is kept in a file."""

    arguments: tuple[str, ...]
    result_file: Path
    progress_file: Path
    began: float | None = None
    """By the monotonic clock; None while it waits for its turn."""
    error: str = ""
    """A sentence; it may hold user text."""
    is_over: bool = False
    was_stopped: bool = False
    process: subprocess.Popen[str] | None = None
    first_seen: tuple[float, float] | None = None
    """When something was first seen to be done, by the monotonic clock, and how much."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def progress(self) -> tuple[float, str]:
        """(how much of it is done, 0 to 1, as far as it has said; where it is, in words)."""
        if self.began is None:
            return 0.0, "Waiting for other work on this server to end…"
        now = time.monotonic()
        done, what = self._said()
        if done and not self.first_seen:  # before that it only started
            self.first_seen = (now, done)
        left = ""
        if self.first_seen and done > self.first_seen[1] + _ENOUGH:
            since, share = self.first_seen
            left = f", {about((now - since) * (1 - done) / (done - share))} left"
        return done, f"{what}… {now - self.began:.0f} s so far{left}"

    def _said(self) -> tuple[float, str]:
        try:
            said = json.loads(self.progress_file.read_text(encoding="utf-8"))
            return min(1.0, max(0.0, float(said["fraction"]))), str(said.get("words") or "Working")
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0, "Starting"

    def begin(self, stdin: IO[str]) -> subprocess.Popen[str] | None:
        """Start the process, unless somebody has stopped the job before."""
        with self.lock:
            if self.was_stopped:
                return None
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [*_COMMAND, *self.arguments, f"--progress-file={self.progress_file}"],
                cwd=ROOT,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            return self.process

    def stop(self) -> None:
        with self.lock:
            self.was_stopped = True
            if self.process and self.process.poll() is None:
                self.process.terminate()


class Jobs:
    """By the file that a job's result will be in."""

    def __init__(self) -> None:
        self._lock, self._turn = threading.Lock(), threading.Semaphore(1)
        self._jobs: dict[Path, Job] = {}

    def find(self, result_file: Path) -> Job | None:
        """The job for that result, on its way or ended without one."""
        with self._lock:
            return self._jobs.get(result_file)

    def start(self, arguments: Sequence[str], result_file: Path) -> Job:
        """Begin, or join who has begun."""
        with self._lock:
            job = self._jobs.get(result_file)
            if job and not job.is_over:
                return job
            folder = TemporaryDirectory(prefix="transferlab-job-", ignore_cleanup_errors=True)
            job = Job(tuple(arguments), result_file, Path(folder.name) / "progress.json")
            self._jobs[result_file] = job
        threading.Thread(
            target=self._work, args=(job, folder), name="transferlab-job", daemon=True
        ).start()
        return job

    def _work(self, job: Job, folder: TemporaryDirectory[str]) -> None:
        try:
            with self._turn, folder:
                job.error = _carry_out(job)
        except OSError as error:
            job.error = f"The work could not be started or its result kept ({error.strerror})."
        finally:
            job.is_over = True
        if not job.error:
            with self._lock:
                self._jobs.pop(job.result_file, None)


@cache
def get_jobs() -> Jobs:
    return Jobs()


def read_result(path: Path) -> dict[str, Any] | None:
    """What a job has found; None where none has, or the file is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _carry_out(job: Job) -> str:
    """Run the job's command and keep what it prints; gives a sentence where there is no result.

    Raises:
        OSError: the process cannot be started, or the result not be kept.
    """
    end, held = os.pipe()  # open as long as this process lives: the child ends with it
    with os.fdopen(end) as stdin, os.fdopen(held, "wb", buffering=0) as leash:
        leash.write(b"\n")
        process = job.begin(stdin)
        if process is None:
            return _STOPPED
        try:
            out, err = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            longest = about(MOST_SECONDS).removeprefix("about ")
            return f"It took more than {longest} and was given up."
    if job.was_stopped:
        return _STOPPED
    if process.returncode == 0:
        with suppress(ValueError):
            json.loads(out)
            # Without parents: what the result is about may have been deleted meanwhile.
            job.result_file.parent.mkdir(exist_ok=True)
            write_whole(job.result_file, out)
            return ""
    _log.warning("%s ended with %s: %s", job.arguments[:1], process.returncode, err[-2000:])
    if process.returncode == _BAD_INPUT and err.strip():
        return err.strip().splitlines()[-1]
    return "It ended without a result; try again, or look into the server's log."
