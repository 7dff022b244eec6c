"""Real server and real Chromium for benchmarks, on separate cores, with their resource use."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT

TICKS = os.sysconf("SC_CLK_TCK")
_OWN, _WITH_ENDED = slice(11, 13), slice(11, 15)
"""Fields of a process's times: in user and system mode, then those of children that have ended."""
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
_GIVE_WAY = """#!/bin/sh
# Linux divides processor time between sessions first, and a browser has its own.
echo 19 2>/dev/null >/proc/self/autogroup
exec nice -n 19 {} "$@"
"""
OPTIONS = "--server.headless true --server.address 127.0.0.1 --browser.gatherUsageStats false"


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Pin this thread, and what it starts within the block, to these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """Streamlit app, by default TransferLab, on a free port over a workspace."""

    def __init__(
        self, home: Path, cores: set[int], app: Path = ROOT / "app.py", **environment: str
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)]
        self._start([*command, *OPTIONS.split()], home, cores, environment)

    def _start(
        self, command: Sequence[str], home: Path, cores: set[int], environment: dict[str, str]
    ) -> None:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith("TRANSFERLAB_")
        }
        env |= {"TRANSFERLAB_HOME": str(home), **environment}
        self.log = home / "server.log"
        with on_cores(cores), self.log.open("a") as log:
            self._process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
        self._wait()

    @property
    def trust(self) -> ssl.SSLContext | None:
        """Certificates that the server's is checked against; None without TLS."""
        return None

    def _wait(self) -> None:
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                health = f"{self.url}/_stcore/health"
                urllib.request.urlopen(health, timeout=1, context=self.trust).close()  # noqa: S310
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The server did not start:\n{self.log.read_text()[-4000:]}")

    def cpu_seconds(self) -> float:
        """Return the processor seconds of the server; the runner "thread" trains in it too."""
        return cpu_seconds(self._process.pid)

    def peaks_mb(self) -> tuple[float, float]:
        """Return the peak memory of the server and of the worker (0 without one), in MiB."""
        return _peak_mb(self._process.pid), sum(map(_peak_mb, children_of(self._process.pid)))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    @property
    def process_id(self) -> int:
        return self._process.pid


class ClassServer(Server):
    """What `make classroom` starts: reachable from other machines, with a certificate of its own.

    Args:
        home: folder of the workspace, which also gets the certificate.
    """

    def __init__(self, home: Path, cores: set[int]) -> None:
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self._certificate = home / "tls" / "tls.crt"
        command = [sys.executable, "-m", "tl_core", "app", "--classroom", "--port", str(port)]
        self._start(command, home, cores, {})

    @property
    def trust(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self._certificate)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def has_playwright() -> bool:
    return find_spec("playwright") is not None


@contextmanager
def chromium(cores: set[int], give_way: Path | None = None) -> Iterator[list[Any]]:
    """Start a browser on these cores, or two.

    The second one has low priority, so that it does not slow the first, as if on another machine.

    Args:
        give_way: path of the script that starts the second browser; None starts only one.
    """
    from playwright.sync_api import sync_playwright

    with on_cores(cores), sync_playwright() as play:
        programs: list[str | Path | None] = [CHROMIUM]
        if give_way:
            give_way.write_text(_GIVE_WAY.format(CHROMIUM or play.chromium.executable_path))
            give_way.chmod(0o700)
            programs.append(give_way)
        args = ["--no-sandbox", "--disable-gpu"]
        browsers = [
            play.chromium.launch(executable_path=program, args=args) for program in programs
        ]
        yield browsers
        for browser in browsers:
            browser.close()


def children_of(process_id: int) -> list[int]:
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(child) for children in tasks for child in children.read_text().split()]


def cpu_seconds(process_id: int, but: int = 0) -> float:
    """Return the processor seconds of a process, or of its descendants except `but` and its own."""
    if not but:
        return _own_seconds(process_id)
    others = [child for child in children_of(process_id) if child != but]
    return sum(_own_seconds(child) + cpu_seconds(child, but) for child in others)


def tree_seconds(process_id: int, but: int = 0) -> float:
    """Return the processor seconds of a process and of all below it, also of those that ended.

    Args:
        but: process that is left out, with all below it.
    """
    below = [child for child in children_of(process_id) if child != but]
    return _own_seconds(process_id, _WITH_ENDED) + sum(tree_seconds(child) for child in below)


def pss_mb(process_id: int, kind: str = "Pss") -> float:
    """Return the memory of a process in MiB; what it shares with others is divided among them.

    Args:
        kind: "Pss" for all, "Pss_Anon" without files, such as the code of libraries.
    """
    try:
        rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # A process that is ending has none any more.
    _, found, after = rollup.partition(f"\n{kind}:")
    return int(after.split()[0]) / 2**10 if found else 0.0


def _own_seconds(process_id: int, fields: slice = _OWN) -> float:
    try:
        values = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, values[fields])) / TICKS


def _peak_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10
