"""Taking a run away."""

import dataclasses
from pathlib import Path

from rich.table import Column, Table

from tl_core.cli.actions.training import measured
from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import out, print_json, progress_bar
from tl_core.errors import ExportRefused
from tl_core.export import FORMATS, USUAL, Exported, asked_words, export_run, parse_formats
from tl_core.export.hub import check_name, upload
from tl_core.export.placement import disk_errors


def export(run_id: str, to: Path, formats: str, hub: str, as_json: bool) -> None:
    wanted = [part.strip().lower() for part in formats.split(",")]
    if hub:
        check_name(hub)
        if "zip" in wanted:
            raise ExportRefused(
                "The Hub takes a folder, not a zip: leave 'zip' out of --format, or --hub."
            )
    names = [name for name in wanted if name and name != "zip"]
    chosen, as_zip = parse_formats(",".join(names)) if names else USUAL, "zip" in wanted
    workspace = open_and_tidy()
    run = workspace.store.get_run(run_id)
    target = to / f"transferlab-{run.id}.zip" if as_zip else to
    with progress_bar() as bar:
        task = bar.add_task("Loading the model", total=1.0)
        exported = export_run(
            workspace,
            run.id,
            target,
            chosen,
            as_zip=as_zip,
            on_progress=lambda words, share: bar.update(task, description=words, completed=share),
        )
    if not as_json:
        _print(exported)
    address = upload(exported.path, hub) if hub else None
    if as_json:
        print_json({**_json(exported), "hub": address})
    elif address:
        out.print(
            f"Uploaded to {address}, a private repository: only its owner, or the members of that organisation, see it."
        )


def pack(run_id: str, formats: str, to: Path, progress_file: Path | None) -> None:
    """A run's zip, at that very place; once it is made, any other in that folder is gone."""
    workspace = open_and_tidy()
    with (
        measured("packing", progress_file) as show,
        workspace.artifacts.staging_folder() as staging,
    ):
        made = export_run(
            workspace,
            run_id,
            staging / to.name,
            parse_formats(formats),
            as_zip=True,
            on_progress=lambda words, share: show(share, words),
        )
        with disk_errors():
            made.path.replace(
                to
            )  # into a folder that must be there: a run deleted meanwhile gets none anew
            for old in set(to.parent.glob("export-*.zip")) - {
                to
            }:  # who is downloading it keeps what is open
                old.unlink(missing_ok=True)
    print_json({"path": str(to)})


def _json(exported: Exported) -> dict[str, object]:
    return {
        "path": str(exported.path),
        "files": [{"name": name, "bytes": n} for name, n in exported.files],
        "formats": [dataclasses.asdict(each) for each in exported.figures],
        "parameters": exported.parameters,
        "left_out": list(exported.left_out),
    }


def _print(exported: Exported) -> None:
    out.print(f"Written to {exported.path}:")
    for name, n_bytes in exported.files:
        out.print(f"  {name} ({n_bytes / 1e6:.2f} MB)")
    figures = (
        Column(name, justify="right") for name in ("size", "one image", "right", "same answer")
    )
    table = Table("", *figures)
    for each in exported.figures:
        table.add_row(
            FORMATS[each.name].title,
            f"{each.n_bytes / 1e6:.1f} MB",
            f"{each.milliseconds:.1f} ms",
            "" if each.right is None else f"{each.right} of {each.n}",
            f"{each.same} of {each.n}",
        )
    out.print(table)
    out.print(f"{asked_words(exported.figures)} {exported.parameters:,} parameters.")
    for sentence in exported.left_out:
        out.print(f"Not in it: {sentence}")
