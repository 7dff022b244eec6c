"""Commands about what runs have shown."""

from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, RunId
from tl_core.memory import importing


def evaluate(run: RunId, as_json: AsJson = False) -> None:
    """All figures of a run, with their intervals, and what it mixes up. Nothing is computed by the model anew."""
    with importing():
        from tl_core.cli.actions import results

    results.evaluate(run, as_json)


def report(
    run: RunId,
    to: Annotated[Path, typer.Option("--to", metavar="FILE.html", help="Where to write it.")],
    as_json: AsJson = False,
) -> None:
    """Write one HTML file with all that a tested run has shown, for people who were not there. It needs no network."""
    with importing():
        from tl_core.cli.actions import results

    results.report(run, to, as_json)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Two to twenty runs.")],
    as_json: AsJson = False,
) -> None:
    """Whether one run is better than others, or only luckier."""
    with importing():
        from tl_core.cli.actions import results

    results.compare(runs, as_json)


def export(
    run: RunId,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or is empty.")
    ],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="Any of safetensors, onnx, int8 and torchscript, with commas; zip packs all into one file in DIR.",
        ),
    ] = "safetensors,onnx",
    hub: Annotated[
        str,
        typer.Option(
            metavar="OWNER/NAME",
            help="Upload it to the Hugging Face Hub as well, as a private model: with up to 20 of the test images.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take a run away: its model, how to use it, what is known of it, and a receipt to verify it by."""
    with importing():
        from tl_core.cli.actions import exporting

    exporting.export(run, to, formats, hub, as_json)
