"""Command `export`, and the hidden `pack` for the app, which export a run's model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from tl_core.cli.options import AsJson, ProgressFile, RunId
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.errors import ExportRefused
from tl_core.memory import importing

if TYPE_CHECKING:
    from tl_core.export import Exported


def export(
    run: RunId,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write to: a new or empty one.")
    ],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="Any of safetensors, onnx, int8 and torchscript, separated by commas; "
            "zip packs everything into one file in DIR.",
        ),
    ] = "safetensors,onnx",
    hub: Annotated[
        str,
        typer.Option(
            metavar="OWNER/NAME",
            help="Also upload it to the Hugging Face Hub, as a private model, with up to 20 of "
            "the test images.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Export a run: its model, code that uses it, a model card, and a receipt to verify it by."""
    with importing():
        from tl_core.export.hub import check_name, upload

    names = [part.strip().lower() for part in formats.split(",")]
    as_zip = "zip" in names
    if hub:
        # Before the export, which may take minutes.
        check_name(hub)
        if as_zip:
            raise ExportRefused(
                "The Hub takes a folder, not a zip: leave 'zip' out of --format, or --hub."
            )
    exported = _export(run, to, [name for name in names if name and name != "zip"], as_zip)
    # Before the upload, which may fail after the folder was written.
    if not as_json:
        _print(exported)
    address = upload(exported.path, hub) if hub else None
    if as_json:
        print_json({**_json(exported), "hub": address})
    elif address:
        out.print(
            f"Uploaded to {address}, a private repository: only its owner, or the members of that "
            "organisation, see it."
        )


def pack(
    run: Annotated[str, typer.Argument(help="Id of the run.")],
    to: Annotated[Path, typer.Option(help="Path of the zip.")],
    formats: Annotated[str, typer.Option("--format")] = "safetensors,onnx",
    progress_file: ProgressFile = None,
) -> None:
    """Write a run's zip to the given path, and delete older ones in its folder."""
    with importing():
        from tl_core.export import export_run, parse_formats
        from tl_core.export.placement import disk_errors

    workspace = open_and_tidy()
    with (
        shown_progress("packing", progress_file) as show,
        workspace.artifacts.staging_folder() as staging,
    ):
        made = export_run(
            workspace,
            run,
            staging / to.name,
            parse_formats(formats),
            as_zip=True,
            on_progress=lambda words, share: show(share, words),
        )
        with disk_errors():
            # The folder must exist already: a run deleted meanwhile must not get a new one.
            made.path.replace(to)
            # A download of an older zip continues, since its file stays open.
            for old in set(to.parent.glob("export-*.zip")) - {to}:
                old.unlink(missing_ok=True)
    print_json({"path": str(to)})


def _export(run_id: str, to: Path, formats: list[str], as_zip: bool) -> Exported:
    from tl_core.export import USUAL, export_run, parse_formats

    chosen = parse_formats(",".join(formats)) if formats else USUAL
    workspace = open_and_tidy()
    run = workspace.store.get_run(run_id)
    target = to / f"transferlab-{run.id}.zip" if as_zip else to
    with shown_progress("Loading the model") as show:
        return export_run(
            workspace,
            run.id,
            target,
            chosen,
            as_zip=as_zip,
            on_progress=lambda words, share: show(share, words),
        )


def _json(exported: Exported) -> dict[str, object]:
    return {
        "path": str(exported.path),
        "files": [{"name": name, "bytes": n} for name, n in exported.files],
        "formats": [dataclasses.asdict(each) for each in exported.figures],
        "parameters": exported.parameters,
        "left_out": list(exported.left_out),
    }


def _print(exported: Exported) -> None:
    from tl_core.export import FORMATS, asked_words, busy_sentence

    out.print(f"Written to {exported.path}:")
    for name, n_bytes in exported.files:
        out.print(f"  {name} ({n_bytes / 1e6:.2f} MB)")
    names = ("size", "time per image", "right", "same prediction")
    table = Table("", *(Column(name, justify="right") for name in names))
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
    if busy := busy_sentence(exported.figures):
        out.print(busy)
    for sentence in exported.left_out:
        out.print(f"Left out: {sentence}")
