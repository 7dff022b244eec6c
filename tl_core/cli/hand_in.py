"""Command `hand-in`, which packs the reports of everyone's runs into one zip."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, ProgressFile
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.errors import OutputRefused
from tl_core.memory import importing
from tl_core.text import number_of, size


def hand_in(
    to: Annotated[Path, typer.Option("--to", metavar="FILE.zip", help="File to write.")],
    progress_file: ProgressFile = None,
    as_json: AsJson = False,
) -> None:
    """Pack the reports of all tested runs into one zip, a folder for each person."""
    with importing():
        from tl_core.report.hand_in import write_hand_in
        from tl_core.runs.predictor import Predictor

    # The writer would create a missing folder, even one whose name was mistyped.
    if not to.parent.is_dir():
        raise OutputRefused(
            f"There is no folder {str(to.parent)!r} to write {to.name!r} to: create it first."
        )
    workspace = open_and_tidy()
    load = partial(Predictor.of_run, workspace)
    try:
        with shown_progress("writing reports", progress_file) as show:
            made = write_hand_in(workspace.store, workspace.artifacts, to, show, load)
    except OSError as error:
        reason = error.strerror or error
        raise OutputRefused(f"{str(to)!r} could not be written: {reason}.") from error
    n_bytes = to.stat().st_size
    if as_json:
        return print_json(
            {
                "file": str(to),
                "bytes": n_bytes,
                "reports": made.n_reports,
                "people": made.n_people,
                "left_out": list(made.left_out),
            }
        )
    reports = number_of(made.n_reports, "report")
    out.print(f"Wrote {reports} of {made.n_people} people to {to} ({size(n_bytes)}).")
    for sentence in made.left_out:
        out.print(f"Left out: {sentence}")
