"""Commands about runs and their models."""
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, RunId
from tl_core.memory import importing


def runs(as_json: AsJson = False) -> None:
    """List all runs, newest first."""
    with importing():
        from tl_core.cli.actions import runs

    runs.list_runs(as_json)


def show(run: RunId, as_json: AsJson = False) -> None:
    """Show one run."""
    with importing():
        from tl_core.cli.actions import runs

    runs.show(run, as_json)


def predict(
    run: RunId,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Image files.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to name.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Ask a run's model about images."""
    with importing():
        from tl_core.cli.actions import runs

    runs.predict(run, images, top, as_json)
