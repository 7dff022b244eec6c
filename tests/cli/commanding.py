"""Helpers that run commands as scripts and users do, and check output and exit code."""

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from making_runs import environment
from waiting import PATIENCE

from tl_core.cli import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tl_core"]
QUICK = ("--set", "image_size=64", "--batch-size", "8", "--no-augment")
Done = subprocess.CompletedProcess


def run(home: Path, *arguments: str | Path, **more: str) -> Done:
    """Run a command in this process, which has already imported torch."""
    out = io.StringIO()
    err = io.StringIO()
    terminate = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(os, "environ", environment(home, **more))
        patch.setattr(sys, "argv", ["transferlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    signal.signal(signal.SIGTERM, terminate)
    return Done(arguments, end.value.code, out.getvalue(), err.getvalue())


def spawn(home: Path, *arguments: str | Path, **more: str) -> Done:
    """Run a command in its own process."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE,
        check=False,
    )


def answer(done: Done):
    """Return the one JSON value on stdout of a successful command."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.endswith("\n")
    assert done.stderr == ""
    return json.loads(done.stdout)


def complaint(done: Done) -> str:
    """Return the one line on stderr of a refused command."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    return done.stderr


def config_of(home: Path, *options: str) -> dict:
    """Return the settings of a run that is trained with these options."""
    trained = answer(run(home, "train", "colours", "--json", *options))
    return answer(run(home, "show", trained["run_id"], "--json"))["config"]
