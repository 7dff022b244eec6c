"""Command `report`, which writes a run's results to one HTML file."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, RunId
from tl_core.cli.output import out, print_json
from tl_core.cli.workspaces import open_and_tidy
from tl_core.errors import OutputRefused, RunNotReady
from tl_core.memory import importing
from tl_core.text import size


def report(
    run: RunId,
    to: Annotated[Path, typer.Option("--to", metavar="FILE.html", help="File to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a report on a tested run, as one HTML file that needs no network."""
    with importing():
        from tl_core.report import write_report
        from tl_core.runs.predictor import Predictor

    # The writer would create a missing folder, even one whose name was mistyped.
    if not to.parent.is_dir():
        raise OutputRefused(
            f"There is no folder {str(to.parent)!r} to write {to.name!r} to: create it first."
        )
    workspace = open_and_tidy()
    predictor = None
    # A report without heat-maps is better than none.
    with suppress(RunNotReady):
        predictor = Predictor.of_run(workspace, run)
    try:
        write_report(workspace.store, workspace.artifacts, run, to, predictor)
    except OSError as error:
        reason = error.strerror or error
        raise OutputRefused(f"{str(to)!r} could not be written: {reason}.") from error
    n_bytes = to.stat().st_size
    if as_json:
        return print_json({"run_id": run, "file": str(to), "bytes": n_bytes})
    out.print(f"Wrote {to} ({size(n_bytes)}). Open it in any browser, or print it to PDF.")
