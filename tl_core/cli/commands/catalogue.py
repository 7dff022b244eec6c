"""Commands that list what there is to choose from."""

from typing import Annotated

import typer

from tl_core.cli.options import AsJson
from tl_core.memory import importing


def backbones(
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only names with this in them, those of timm included."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the backbones."""
    with importing():
        from tl_core.cli.actions import catalogue

    catalogue.backbones(search, as_json)


def presets(as_json: AsJson = False) -> None:
    """List the presets and the settings they change."""
    with importing():
        from tl_core.cli.actions import presets

    presets.list_presets(as_json)


def settings(as_json: AsJson = False) -> None:
    """List every setting that --set takes."""
    with importing():
        from tl_core.cli.actions import presets

    presets.list_settings(as_json)
