"""Commands about datasets."""

from typing import Annotated

import typer

from tl_core.cli.options import AsJson
from tl_core.memory import importing


def ingest(
    path: Annotated[str, typer.Argument(help="A zip, a folder of class folders, or sample:NAME.")],
    name: Annotated[
        str | None, typer.Option(help="What to call it; default: the file's name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a dataset in."""
    with importing():
        from tl_core.cli.actions import datasets

    datasets.ingest(path, name, as_json)
