"""Command line whose training hangs once, in a run's second epoch, as in a very long step."""

import sys
from pathlib import Path

from waiting import wait_until

HEEDS_SIGNALS, IS_DEAF, IS_BUSY = "heeds signals", "is deaf", "is busy"
"""Kinds of step: one that signals interrupt, as in Python, one that they do not, as in C++, and one
that computes for twelve seconds and then goes on."""
_SCRIPT = """
import importlib, signal, sys, time
from pathlib import Path

fit = importlib.import_module("tl_core.training.fit")
begin_epoch, flag = fit._begin_epoch, Path(sys.argv[1])

def begin_slowly(model, seed, epoch):
    if epoch == 2 and flag.exists():
        if flag.read_text() == "is deaf":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        is_busy = flag.read_text() == "is busy"
        flag.unlink()
        busy_until = time.monotonic() + 12
        while is_busy and time.monotonic() < busy_until:
            pass
        if not is_busy:
            time.sleep(600)
    return begin_epoch(model, seed, epoch)

fit._begin_epoch = begin_slowly
sys.argv = ["transferlab", *sys.argv[2:]]
from tl_core.cli.main import main
main()
"""


def slow_command(flag: Path, *arguments: str) -> list[str]:
    """Run `transferlab ARGUMENTS`; training hangs once if `flag` exists, which it deletes."""
    return [sys.executable, "-c", _SCRIPT, str(flag), *arguments]


def wait_until_gone(flag: Path) -> None:
    wait_until(lambda: not flag.exists(), "the slow step")
