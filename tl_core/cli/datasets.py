"""Command `ingest`, and the search for datasets that other commands name."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tl_core.cli.options import AsJson, ClassesAt
from tl_core.cli.output import out, print_json, progress_bar
from tl_core.cli.readings import FoundDataset, reading_lines, readings_json
from tl_core.errors import ConfigError, DatasetRefused
from tl_core.memory import importing

if TYPE_CHECKING:
    from tl_core.data.sources import Source
    from tl_core.datasets.importing import Imported
    from tl_core.workspace import Workspace

_SAMPLE = "sample:"


def ingest(
    path: Annotated[str, typer.Argument(help="A zip, a folder of class folders, or sample:NAME.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; default: the file's name.")
    ] = None,
    classes_at: ClassesAt = None,
    as_json: AsJson = False,
) -> None:
    """Import a dataset."""
    with importing():
        from tl_core.workspace import open_workspace

    imported = _ingest(open_workspace(), path, name, classes_at)
    if as_json:
        return print_json(_json(imported))
    record = imported.record
    known = ", already known under this name" if imported.already_known else ""
    n_classes = len(record.classes)
    out.print(f"{record.name}: {record.n:,} images in {n_classes} classes, id {record.id}{known}")
    for line in reading_lines(record, imported.readings):
        out.print(f"  {line}")
    for file in imported.skipped:
        out.print(f"  left out {file.name}: {file.reason}")
    for warning in record.warnings:
        out.print(f"  note: {warning}")


def find_or_ingest(
    workspace: Workspace, dataset: str, classes_at: str | None = None
) -> FoundDataset:
    """Import a path or sample, or else find the dataset of that id or name.

    Raises:
        ConfigError: a level is given for a dataset that is imported already.
        UnknownDataset: there is no such dataset.
        DatasetRefused: it cannot be imported.
    """
    if dataset.startswith(_SAMPLE) or _exists(dataset):
        imported = _ingest(workspace, dataset, None, classes_at)
        return FoundDataset(imported.record, imported.readings)
    record = workspace.store.get_dataset(dataset)
    if classes_at is not None:
        raise ConfigError(
            f'--classes-at is for paths, and "{dataset}" is a dataset whose classes are read '
            "already. Give the path of its folder or zip instead."
        )
    return FoundDataset(record)


def _ingest(workspace: Workspace, text: str, name: str | None, classes_at: str | None) -> Imported:
    with importing():
        from tl_core.datasets.importing import import_dataset

    source, usual_name = _source(text)
    with progress_bar() as bar:
        task = bar.add_task("reading images", total=None)
        return import_dataset(
            workspace.store,
            workspace.artifacts,
            source,
            name=name or usual_name,
            limits=workspace.settings.limits,
            classes_at=classes_at,
            on_progress=lambda p: bar.update(
                task, description=p.phase, completed=p.done, total=p.total
            ),
        )


def _source(text: str) -> tuple[Source, str]:
    """Return the source of the images and the dataset's default name."""
    from tl_core.data.paths import source_from_path
    from tl_core.data.samples import sample_source

    if text.startswith(_SAMPLE):
        sample = text.removeprefix(_SAMPLE)
        return sample_source(sample), sample
    path = Path(text)
    try:
        source = source_from_path(path)
    except OSError as error:
        raise DatasetRefused(f'"{path}" cannot be read: {error.strerror}.') from error
    # Resolved, because paths such as `.` have no name.
    absolute = path.resolve()
    return source, absolute.name if path.is_dir() else absolute.stem


def _exists(path: str) -> bool:
    # The system refuses some texts as paths, such as very long ones.
    with suppress(OSError):
        return Path(path).exists()
    return False


def _json(imported: Imported) -> dict[str, Any]:
    record = imported.record
    return {
        "id": record.id,
        "name": record.name,
        "n": record.n,
        "classes": list(record.classes),
        "counts": dict(zip(record.classes, record.counts, strict=True)),
        **readings_json(record, imported.readings),
        "warnings": list(record.warnings),
        "skipped": [dataclasses.asdict(file) for file in imported.skipped],
        "already_known": imported.already_known,
    }
