"""Arguments and options that several commands share."""

from typing import Annotated

import typer

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
