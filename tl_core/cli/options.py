"""Arguments and options shared by several commands."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tl_core.config import knob_help


def setting(name: str, *flags: str, metavar: str | None = None) -> Any:
    """Return an option for a setting, with the setting's help text.

    Args:
        flags: names of the option, if not that of its parameter.
    """
    return typer.Option(*flags, help=knob_help(name), metavar=metavar)


AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or the start of it.")]
Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET_OR_PATH", help="Id or name of a dataset, a path, or sample:NAME."
    ),
]
ClassesAt = Annotated[
    str | None,
    typer.Option(
        "--classes-at",
        metavar="LEVEL",
        help="Level of the folders that are the classes, for a path that is imported: 1 is the "
        "first level with several folders, 2 the folders inside them; names takes labels from "
        "file names. Without it the likeliest level is taken, and said.",
    ),
]
Backbone = Annotated[str | None, setting("backbone")]
Preset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Preset to start from; the command presets lists them."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting; may be repeated; the command settings lists them all.",
    ),
]
ProgressFile = Annotated[Path | None, typer.Option(hidden=True)]
