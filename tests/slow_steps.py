"""Worker and command line whose training hangs once, in a run's second epoch.

It is as in a very long step.
"""

import importlib
import signal
import sys
import time
from pathlib import Path

from waiting import wait_until

from tl_core.cli.work import work

HEEDS_SIGNALS, IS_DEAF, IS_BUSY = "heeds signals", "is deaf", "is busy"
"""Kinds of step: one that signals interrupt, as in Python, one that they do not, as in C++, and one
that computes for eight seconds and then goes on."""
_BUSY_SECONDS = 8
_SCRIPT = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from slow_steps import hang_once
from tl_core.cli.main import main
hang_once(Path(sys.argv[2]))
sys.argv = ["transferlab", *sys.argv[3:]]
main()
"""


def hang_once(flag: Path) -> None:
    """Let training hang once if `flag` exists, which holds the kind, and is deleted."""
    fit = importlib.import_module("tl_core.training.fit")
    begin_epoch = fit._begin_epoch

    def begin_slowly(model, seed, epoch):
        if epoch == 2 and flag.exists():
            kind = flag.read_text()
            if kind == IS_DEAF:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
            flag.unlink()
            busy_until = time.monotonic() + _BUSY_SECONDS
            while kind == IS_BUSY and time.monotonic() < busy_until:
                pass
            if kind != IS_BUSY:
                time.sleep(600)
        return begin_epoch(model, seed, epoch)

    fit._begin_epoch = begin_slowly


def work_slowly(flag: Path) -> None:
    """Be a worker that hangs once."""
    hang_once(flag)
    work()


def slow_command(flag: Path, *arguments: str) -> list[str]:
    """Return the command `transferlab ARGUMENTS` that hangs once."""
    here = str(Path(__file__).parent)
    return [sys.executable, "-c", _SCRIPT, here, str(flag), *arguments]


def wait_until_gone(flag: Path) -> None:
    wait_until(lambda: not flag.exists(), "the slow step")
