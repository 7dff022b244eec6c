"""Background jobs of a page: commands in a child process whose results are cached in files.

A server runs one job at a time, and people take turns; sessions that ask for the same result share
one job. Closing the page loses nothing. `ProcessPoolExecutor` is no substitute: stopping a running
job breaks the pool for the queued ones, and its processes outlive a server that is killed.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, Any

import psutil

from tl_core.errors import LimitReached
from tl_core.files import DISK_FULL, write_whole
from tl_core.logs import logged_as
from tl_core.text import about, without_folders
from tl_ui.job_turns import Turns

_log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[1]
# Jobs run one at a time, so one that hangs would hold up everyone's.
MOST_SECONDS = 30 * 60
MOST_OF_ONE = 10
"""Jobs of one person that run or wait at once; the operator has no limit."""
_FOLDERS = "transferlab-job-"
"""Start of the names of the folders for temporary files; the id of the process follows."""
_COMMAND = (sys.executable, "-m", "tl_core.cli.leashed")
_BAD_INPUT = 2
"""Exit code of a command whose last line on standard error is a sentence for the user."""
_STOPPED = "It was stopped."
_MIN_SHARE = 0.05
"""Share of the work that must be observed before the remaining time is estimated."""


@dataclass(slots=True)
class Job:
    """Command of tl_core whose result is cached in a file."""

    arguments: tuple[str, ...]
    result_file: Path
    progress_file: Path
    person_id: str = ""
    """Person who asked first; empty for the operator."""
    began: float | None = None
    """Start on the monotonic clock, in seconds; None while the job is queued."""
    error: str = ""
    """Sentence that says why there is no result; may contain user text."""
    is_over: bool = False
    was_stopped: bool = False
    process: subprocess.Popen[str] | None = None
    first_seen: tuple[float, float] | None = None
    """Time (monotonic clock, in seconds) and share of the first progress above zero."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: Turns = field(default_factory=Turns)
    """Turns in which it waits."""

    def progress(self) -> tuple[float, str]:
        """Return the share that is done, 0 to 1, and a line that says the step and the time."""
        if self.began is None:
            return 0.0, "Waiting its turn: this server computes one thing at a time…"
        now = time.monotonic()
        done, step = self._read_progress()
        # The time before the first progress is start-up and would distort the estimate.
        if done and not self.first_seen:
            self.first_seen = (now, done)
        left = ""
        if self.first_seen and done > self.first_seen[1] + _MIN_SHARE:
            since, share = self.first_seen
            left = f", {about((now - since) * (1 - done) / (done - share))} left"
        return done, f"{step}… {now - self.began:.0f} s so far{left}"

    def _read_progress(self) -> tuple[float, str]:
        try:
            progress = json.loads(self.progress_file.read_text(encoding="utf-8"))
            share = min(1.0, max(0.0, float(progress["fraction"])))
            return share, str(progress.get("words") or "Working")
        # There is no file until the command has started and made its first report.
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0, "Starting up, which takes some seconds"

    def begin(self, stdin: IO[str]) -> subprocess.Popen[str] | None:
        """Start the process, unless the job was stopped while it was queued."""
        with self.lock:
            # Checked under the lock, so that `stop` cannot come between the check and the start.
            if self.was_stopped:
                return None
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [*_COMMAND, *self.arguments, f"--progress-file={self.progress_file}"],
                # The server may run elsewhere; `-m` finds the package in the working directory.
                cwd=ROOT,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                # Libraries and the system may write what is not UTF-8.
                errors="replace",
            )
            return self.process

    def stop(self) -> None:
        with self.lock:
            self.was_stopped = True
            if self.process and self.process.poll() is None:
                self.process.terminate()
        self.turns.look()


class Jobs:
    """Jobs of this server, indexed by the file of their result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # A job may use every core and much memory, so two at once would only slow each other down.
        self._turns = Turns()
        self._jobs: dict[Path, Job] = {}

    def find(self, result_file: Path) -> Job | None:
        """Return the job for that result, if it is queued, running or failed."""
        with self._lock:
            return self._jobs.get(result_file)

    def start(self, arguments: Sequence[str], result_file: Path, person_id: str = "") -> Job:
        """Start a job, or return the one that already works on this result.

        Args:
            person_id: person who asks; empty for the operator.

        Raises:
            LimitReached: the person has as many jobs as one may.
        """
        with self._lock:
            job = self._jobs.get(result_file)
            # A job that has failed may be tried again.
            if job and not job.is_over:
                return job
            self._check_limit(person_id)
            try:
                folder = TemporaryDirectory(
                    prefix=f"{_FOLDERS}{os.getpid()}-", ignore_cleanup_errors=True
                )
            except OSError as error:
                # Kept like any that failed, so that the page can show why.
                self._jobs[result_file] = _unstarted(arguments, result_file, error)
                return self._jobs[result_file]
            job = Job(
                tuple(arguments),
                result_file,
                Path(folder.name) / "progress.json",
                person_id,
                turns=self._turns,
            )
            self._jobs[result_file] = job
        # A daemon, since a thread that waits for its job must not delay the server's shutdown.
        worker = threading.Thread(
            target=self._work, args=(job, folder), name="transferlab-job", daemon=True
        )
        worker.start()
        return job

    def _check_limit(self, person_id: str) -> None:
        n = sum(job.person_id == person_id and not job.is_over for job in self._jobs.values())
        if person_id and n >= MOST_OF_ONE:
            raise LimitReached(
                f"{n} computations of yours run or wait on this server, and one person may have "
                f"{MOST_OF_ONE}: wait for one of them, or stop one."
            )

    def _work(self, job: Job, folder: TemporaryDirectory[str]) -> None:
        try:
            turn = self._turns.turn(job.person_id, lambda: job.was_stopped)
            with logged_as(person=job.person_id), folder, turn:
                job.error = _carry_out(job)
        except OSError as error:
            job.error = (
                "The work could not be started, or its result could not be saved "
                f"({error.strerror})."
            )
        finally:
            job.is_over = True
        # A failed job stays, so that the page can show why; a finished one is found by its file.
        if not job.error:
            with self._lock:
                self._jobs.pop(job.result_file, None)


@cache
def get_jobs() -> Jobs:
    with suppress(OSError):
        sweep_folders(Path(gettempdir()))
    return Jobs()


def sweep_folders(temporary: Path) -> None:
    """Delete the folders for temporary files of servers that were killed."""
    for folder in temporary.glob(f"{_FOLDERS}*-*"):
        process_id = folder.name.removeprefix(_FOLDERS).partition("-")[0]
        if process_id.isdigit() and not psutil.pid_exists(int(process_id)):
            shutil.rmtree(folder, ignore_errors=True)


def read_result(path: Path) -> dict[str, Any] | None:
    """Return the cached result of a job; None if there is none or the file is damaged."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None


def _unstarted(arguments: Sequence[str], result_file: Path, error: OSError) -> Job:
    """Return a job that has failed because no temporary file can be made."""
    # Without any usable folder, Python says so at length and with a wrong error number.
    is_full = isinstance(error, FileNotFoundError) or error.errno in DISK_FULL
    why = "their disk is full" if is_full else error.strerror
    words = f"The server cannot keep temporary files ({why}): free some space there, and try again."
    return Job(tuple(arguments), result_file, Path(os.devnull), error=words, is_over=True)


def _carry_out(job: Job) -> str:
    """Run the job's command and save its output; return why there is no result, or "".

    Raises:
        OSError: the process cannot be started, or the result cannot be saved.
    """
    # The child ends when its standard input closes, which the kernel does if this process dies.
    end, held = os.pipe()
    with os.fdopen(end) as stdin, os.fdopen(held, "wb", buffering=0) as leash:
        # The child waits for a first line, and sees what this person may see.
        leash.write(f"{job.person_id}\n".encode())
        process = job.begin(stdin)
        if process is None:
            return _STOPPED
        try:
            out, err = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            # Reading the pipes to their end afterwards also reaps the process.
            process.kill()
            process.communicate()
            longest = about(MOST_SECONDS).removeprefix("about ")
            return f"It took more than {longest} and was stopped."
    if job.was_stopped:
        return _STOPPED
    if process.returncode == 0:
        with suppress(ValueError):
            # Only valid JSON is kept, since a file stands for a finished job.
            json.loads(out)
            # Without parents: if the run was deleted meanwhile, its folder must not come back.
            job.result_file.parent.mkdir(exist_ok=True)
            write_whole(job.result_file, out)
            return ""
    _log.warning("%s ended with %s: %s", job.arguments[:1], process.returncode, err[-2000:])
    if process.returncode == _BAD_INPUT and err.strip():
        return without_folders(err.strip().splitlines()[-1])
    return "It ended without a result. Try again, or read the server's log."
