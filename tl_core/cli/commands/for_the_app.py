"""Commands that the app runs in a process of their own; each prints one JSON value. They are not listed."""

from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.commands.exploring import Backbone, ProgressFile, given
from tl_core.cli.options import Set
from tl_core.memory import importing


def lay_out(
    what: Annotated[str, typer.Argument(help="A dataset's or, with --split, a run's id.")],
    *,
    method: str = "pca",
    split: str = "",
    backbone: Backbone = None,
    settings: Set = None,
    progress_file: ProgressFile = None,
) -> None:
    """A map of a dataset's images, or of what a run has kept of a side."""
    with importing():
        from tl_core.cli.actions import exploring, training

    if split:
        return exploring.lay_out_run(what, split, method, progress_file)  # type: ignore[arg-type]
    exploring.lay_out_dataset(
        what,
        training.choose(None, given(backbone), settings or []),
        method,  # type: ignore[arg-type]
        progress_file,
    )


def pack(
    run: Annotated[str, typer.Argument(help="A run's id.")],
    to: Annotated[Path, typer.Option(help="The zip.")],
    formats: Annotated[str, typer.Option("--format")] = "safetensors,onnx",
    progress_file: ProgressFile = None,
) -> None:
    """A run's zip."""
    with importing():
        from tl_core.cli.actions import exporting

    exporting.pack(run, formats, to, progress_file)
