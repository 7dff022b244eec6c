"""Output of commands: JSON for programs, sentences and tables for people."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from tl_core.cli.interruption import ended_by_signals
from tl_core.files import write_whole
from tl_core.text import one_line


class _Terminal(Console):
    """Console that prints text on one line, with control characters made visible."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(one_line(text), **options)


# Names are user text, in which rich would otherwise find markup and emoji.
out = _Terminal(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = _Terminal(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(value: object) -> None:
    """Print one JSON value in ASCII, which every terminal and pipe can carry."""
    sys.stdout.write(json.dumps(value) + "\n")
    # Typer handles a closed pipe here, but not at the interpreter's exit.
    sys.stdout.flush()


def narrow_table(*columns: Column | str) -> Table:
    """Return an empty table with few lines and little padding, for terminals of 80 columns."""
    return Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def percent_interval(share: float | None, interval: tuple[float, float] | None) -> str:
    """Format a share with its confidence interval: `86.1 (80 to 91)`; a dash without them."""
    if share is None or interval is None:
        return "-"
    low, high = interval
    return f"{100 * share:.1f} ({100 * low:.0f} to {100 * high:.0f})"


def progress_bar() -> Progress:
    """Return a progress bar on stderr, removed when done and hidden without a terminal."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


class Show:
    """Progress bar that also writes its state to a file, for another process to read."""

    def __init__(self, bar: Progress, words: str, progress_file: Path | None) -> None:
        self._bar = bar
        self._words = words
        self._file = progress_file
        self._task = bar.add_task(words, total=1.0)

    def __call__(self, share: float, words: str = "") -> None:
        """Show the completed share and what is being done."""
        self._bar.update(self._task, completed=share, description=one_line(words or self._words))
        if self._file:
            state = json.dumps({"fraction": share, "words": words})
            # After a power failure, no process is left to show progress.
            write_whole(self._file, state, durable=False)


@contextmanager
def shown_progress(words: str, progress_file: Path | None = None) -> Iterator[Show]:
    """Show a progress bar while the block runs, and yield the function that updates it.

    SIGINT and SIGTERM end the block within seconds, whatever it computes.
    """
    with progress_bar() as bar, ended_by_signals(bar.stop):
        yield Show(bar, words, progress_file)
