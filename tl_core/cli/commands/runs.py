"""Commands about runs and their models."""

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
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…", help="Image files, or folders of them.")
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to name.")] = 5,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write a table there instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a run's model about images."""
    with importing():
        from tl_core.cli.actions import runs

    runs.predict(run, images, top, to, as_json)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines, too.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")
    ] = 8600,
) -> None:
    """Let programs ask every run's model over HTTP, without the app.

    Other machines need the key that is set as TRANSFERLAB_API_KEY.
    """
    with importing():
        from tl_core.cli.actions import serving

    serving.serve(host, port)
