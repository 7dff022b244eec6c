"""Start-up times: imports, the command line's help, training, the app's first page.

Every turn is a new process whose files are in the system's cache from the turn before. Python,
torch and an empty Streamlit app are measured for comparison. Pages are opened in a real Chromium,
if there is one.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Cell, Options, Report, median, run_command, take_turns
from benchmarks.serving import CHROMIUM, Server, chromium, has_playwright
from tl_core.memory import importing

COMMANDS = {
    "python alone": ["-c", "pass"],
    "import tl_core": ["-c", "import tl_core"],
    "transferlab --help": ["-m", "tl_core", "--help"],
    "transferlab train --help": ["-m", "tl_core", "train", "--help"],
    "import torch": ["-c", "import torch"],
    "import everything for training": ["-m", "benchmarks.start"],
}
QUICK = ["python alone", "import tl_core", "transferlab --help"]
EMPTY, OURS = "empty Streamlit app", "the app"
_HELLO = "import streamlit as st\nst.title('Hello')\n"
_NO_PAGE = (
    "No page was opened, since Chromium or Playwright is missing "
    "(pip install -r benchmarks/requirements.txt)."
)


@dataclass(frozen=True)
class _Seen:
    seconds: float
    peak_mb: float
    page_seconds: float | None = None
    """Time until the first page's title is visible in the browser."""


def run(options: Options) -> Report:
    names = QUICK if options.tiny else list(COMMANDS)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ways: dict[str, Callable[[], _Seen]] = {
            name: lambda name=name: _command(name, scratch) for name in names
        }
        browser = stack.enter_context(_browser())
        ways[EMPTY] = _opener(_write_empty(scratch), scratch, browser)
        if not options.tiny:
            ways[OURS] = _opener(ROOT / "app.py", scratch, browser)
        found = take_turns(ways, options.rounds)
    notes = [] if browser else [_NO_PAGE]
    raw = {name: [vars(each) for each in seen] for name, seen in found.items()}
    return Report(
        "start",
        "Start-up",
        ("what", "seconds", "peak memory, MB"),
        _rows(found),
        notes,
        raw,
    )


def _rows(found: dict[str, list[_Seen]]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, seen in found.items():
        peak = max(each.peak_mb for each in seen)
        is_app = name in (EMPTY, OURS)
        rows.append(
            (
                f"{name}: server answers" if is_app else name,
                median(each.seconds for each in seen),
                peak,
            )
        )
        if pages := [each.page_seconds for each in seen if each.page_seconds is not None]:
            rows.append((f"{name}: first page shown", median(pages), peak))
    return rows


def _command(name: str, scratch: Path) -> _Seen:
    ended = run_command(
        [sys.executable, *COMMANDS[name]], {"TRANSFERLAB_HOME": str(scratch / "home")}, ROOT
    )
    return _Seen(ended.seconds, ended.peak_mb)


@contextmanager
def _browser() -> Iterator[Any]:
    """Yield a browser, or None if this machine has none."""
    if CHROMIUM is None or not has_playwright():
        yield None
    else:
        with chromium(os.sched_getaffinity(0)) as (browser,):
            yield browser


def _write_empty(scratch: Path) -> Path:
    path = scratch / "empty.py"
    path.write_text(_HELLO, "utf-8")
    return path


def _opener(app: Path, scratch: Path, browser: Any) -> Callable[[], _Seen]:
    homes = count()

    def opened() -> _Seen:
        home = scratch / f"home {next(homes)} of {app.stem}"
        home.mkdir()
        started = time.perf_counter()
        server = Server(home, os.sched_getaffinity(0), app)
        try:
            answered = time.perf_counter() - started
            if browser:
                _open_page(browser, server.url)
            shown = time.perf_counter() - started if browser else None
            return _Seen(answered, max(server.peaks_mb()), shown)
        finally:
            server.stop()

    return opened


def _open_page(browser: Any, url: str) -> None:
    page = browser.new_page()
    page.goto(url)
    page.locator("h1").first.wait_for()
    page.close()


def _import_what_training_needs() -> None:
    """Import what the command `train` imports before it opens the workspace."""
    with importing():
        import tl_core.datasets.importing
        import tl_core.runners  # noqa: F401


if __name__ == "__main__":
    _import_what_training_needs()
