"""Work of seconds or minutes for a page, in a child process: done once for all who want it, and its result kept.

One job at a time on a server; others wait for their turn. A page that closes loses nothing.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tl_core.files import write_whole
from tl_core.text import about

_log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[1]
MOST_SECONDS = 30 * 60
_WORKING, _STARTING = "Working", "Starting"
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
        now, (done, what) = time.monotonic(), self._said()
        self.first_seen = self.first_seen or (
            (now, done) if done else None
        )  # before that it only started
        left = ""
        if self.first_seen and done > self.first_seen[1] + _ENOUGH:
            since, share = self.first_seen
            left = f", {about((now - since) * (1 - done) / (done - share))} left"
        return done, f"{what}… {now - self.began:.0f} s so far{left}"

    def _said(self) -> tuple[float, str]:
        try:
            said = json.loads(self.progress_file.read_text(encoding="utf-8"))
            return min(1.0, max(0.0, float(said["fraction"]))), str(said.get("words") or _WORKING)
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0, _STARTING

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
            place = Path(tempfile.gettempdir()) / f"transferlab-job-{uuid.uuid4().hex}.json"
            job = self._jobs[result_file] = Job(tuple(arguments), result_file, place)
        threading.Thread(
            target=self._work, args=(job,), name="transferlab-job", daemon=True
        ).start()
        return job

    def _work(self, job: Job) -> None:
        with self._turn:
            try:
                _carry_out(job)
            except OSError as error:
                job.error = f"The work could not be started or its result kept ({error.strerror})."
            finally:
                job.is_over = True
                for file in (
                    job.progress_file,
                    job.progress_file.with_name(f"{job.progress_file.name}.unfinished"),
                ):
                    file.unlink(missing_ok=True)
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


def _carry_out(job: Job) -> None:
    end, leash = os.pipe()  # open as long as this process lives: the child ends with it
    command = [
        sys.executable,
        "-m",
        "tl_ui.leash",
        *job.arguments,
        f"--progress-file={job.progress_file}",
    ]
    try:
        with job.lock:
            if job.was_stopped:
                job.error = "It was stopped."
                return
            job.began = time.monotonic()
            job.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=end,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        out, err = job.process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        assert job.process
        job.process.kill()
        job.process.communicate()
        job.error = (
            f"It took more than {about(MOST_SECONDS).removeprefix('about ')} and was given up."
        )
        return
    finally:
        os.close(end)
        os.close(leash)
    if job.was_stopped:
        job.error = "It was stopped."
        return
    _take_result(job, job.process.returncode, out, err)


def _take_result(job: Job, code: int, out: str, err: str) -> None:
    if code == 0:
        with contextlib.suppress(ValueError):
            json.loads(out)
            _keep(job.result_file, out)
            return
    _log.warning("%s ended with %s: %s", job.arguments[:1], code, err[-2000:])
    said = err.strip().splitlines()[-1:] if code == 2 else []
    job.error = (
        said[0] if said else "It ended without a result; try again, or look into the server's log."
    )


def _keep(path: Path, text: str) -> None:
    """Write a result, unless the folder of what it is about has been deleted meanwhile."""
    path.parent.mkdir(exist_ok=True)
    write_whole(path, text)
