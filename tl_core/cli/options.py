"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tl_core.config import knob_help


def setting(name: str, *flags: str, metavar: str | None = None) -> Any:
    """Option for a setting, explained by the setting's own sentence.

    Args:
        flags: how the option is typed, where not by the name of its parameter.
    """
    return typer.Option(*flags, help=knob_help(name), metavar=metavar)


AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the start of it.")]
Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET_OR_PATH", help="A dataset's id or name, or a path, or sample:NAME."
    ),
]
Backbone = Annotated[str | None, setting("backbone")]
Preset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A recipe to start from; the command presets lists them."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting, as often as needed; the command settings lists them all.",
    ),
]
ProgressFile = Annotated[Path | None, typer.Option(hidden=True)]
