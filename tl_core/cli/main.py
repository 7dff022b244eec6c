"""The command line itself: which commands there are, and how each way of ending is told."""

import io
import signal
import sys

import typer

from tl_core.cli.commands.catalogue import backbones, presets, settings
from tl_core.cli.commands.datasets import ingest
from tl_core.cli.commands.exploring import embed, probe
from tl_core.cli.commands.for_the_app import lay_out, pack
from tl_core.cli.commands.results import compare, evaluate, export, report
from tl_core.cli.commands.runs import predict, runs, serve, show
from tl_core.cli.commands.training import lr_find, pause, resume, train
from tl_core.cli.commands.work import work
from tl_core.errors import TransferLabError
from tl_core.memory import keep_freed_memory
from tl_core.text import visible

app = typer.Typer(
    name="transferlab",
    help="Image transfer-learning experiments. The app and these commands see the same datasets and runs.",
    add_completion=False,
    rich_markup_mode=None,
)
_ABOUT_RUNS = (pause, resume, runs, show, evaluate, compare, report, export, predict, serve)
for _command in (ingest, train, *_ABOUT_RUNS, backbones, presets, settings, lr_find, embed, probe):
    app.command()(_command)
app.command(hidden=True)(work)
app.command(hidden=True)(lay_out)
app.command(hidden=True)(pack)
_INTERRUPTED = 130


def main() -> None:
    """Run a command; exit 0 when done, 2 on bad input (one sentence on stderr), 130 when interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a name that the terminal has no letters for is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False) or 0
        if code == _INTERRUPTED:  # typer has caught the KeyboardInterrupt
            _complain("Interrupted.", code)
    except TransferLabError as error:
        code = _complain(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain("Interrupted.", _INTERRUPTED)
    except Exception as error:
        if not hasattr(
            error, "format_message"
        ):  # typer's complaints about the command line have it
            raise
        code = _complain(f"{error.format_message()} Try --help.", 2)
    sys.exit(code)


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(visible(" ".join(sentence.split())) + "\n")
    return code
