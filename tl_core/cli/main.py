"""Table of commands, and their exit codes and error messages."""

import io
import os
import signal
import sys
from collections.abc import Callable

import typer

from tl_core.cli.app import app
from tl_core.cli.backbones import backbones
from tl_core.cli.backups import backup, restore
from tl_core.cli.bin import bin_commands
from tl_core.cli.compare import compare
from tl_core.cli.configuration import config
from tl_core.cli.datasets import ingest
from tl_core.cli.doctor import doctor
from tl_core.cli.embed import embed
from tl_core.cli.evaluate import evaluate
from tl_core.cli.export import export, pack
from tl_core.cli.hand_in import hand_in
from tl_core.cli.interruption import INTERRUPTED
from tl_core.cli.lay_out import lay_out
from tl_core.cli.lr_find import lr_find
from tl_core.cli.predict import predict
from tl_core.cli.presets import presets, settings
from tl_core.cli.probe import probe
from tl_core.cli.report import report
from tl_core.cli.runs import runs, show
from tl_core.cli.serve import serve
from tl_core.cli.space import free, sizes
from tl_core.cli.train import pause, resume, train
from tl_core.cli.work import work
from tl_core.errors import TransferLabError
from tl_core.memory import keep_freed_memory
from tl_core.openmp import wait_without_spinning
from tl_core.text import visible

# Commands import torch and the like only when they are called, so that `--help` answers at once.
commands = typer.Typer(
    name="transferlab",
    help="Image transfer-learning experiments. The app and these commands see the same datasets "
    "and runs.",
    add_completion=False,
    rich_markup_mode=None,
)
_FOR_PEOPLE: tuple[Callable[..., None], ...] = (
    app,
    *(ingest, train, pause, resume),
    *(runs, show, evaluate, compare, report, hand_in, export, predict, serve),
    *(backbones, presets, settings),
    *(lr_find, embed, probe),
    *(config, doctor, backup, restore, sizes, free),
)
_FOR_THE_APP: tuple[Callable[..., None], ...] = (work, lay_out, pack)
for _command in _FOR_PEOPLE:
    commands.command()(_command)
commands.add_typer(bin_commands)
for _command in _FOR_THE_APP:
    commands.command(hidden=True)(_command)


def main() -> None:
    """Run a command; exit with 0 when done, 2 on an error and 130 when interrupted.

    An error is reported in one line on stderr.
    """
    # SIGTERM then ends a command like Ctrl-C, with its files and records in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Here, because no thread has started yet.
    keep_freed_memory()
    wait_without_spinning()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names may contain characters that the terminal cannot show. A pipe on Windows would
            # take the code page's alone, and the app reads UTF-8.
            is_pipe = os.name == "nt" and not stream.isatty()
            stream.reconfigure(encoding="utf-8" if is_pipe else None, errors="backslashreplace")
    try:
        # On its own, Typer would print errors over several lines and choose the exit code.
        code = commands(standalone_mode=False) or 0
        # Typer has caught the KeyboardInterrupt.
        if code == INTERRUPTED:
            _report("Interrupted.", code)
    except TransferLabError as error:
        code = _report(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _report("Interrupted.", INTERRUPTED)
    except Exception as error:
        # Typer's errors about the command line have this method.
        if not hasattr(error, "format_message"):
            raise
        code = _report(f"{error.format_message()} Try --help.", 2)
    sys.exit(code)


def _report(sentence: str, code: int) -> int:
    sys.stderr.write(visible(" ".join(sentence.split())) + "\n")
    return code
