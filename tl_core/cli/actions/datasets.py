"""Taking datasets in, and finding those that are there."""

import dataclasses
from contextlib import suppress
from pathlib import Path

from tl_core.cli.output import dataset_json, out, print_json, progress_bar
from tl_core.data.paths import source_from_path
from tl_core.data.samples import sample_source
from tl_core.data.sources import Source
from tl_core.datasets.importing import Imported, import_dataset
from tl_core.errors import DatasetRefused
from tl_core.records import DatasetRecord
from tl_core.workspace import Workspace, open_workspace

_SAMPLE = "sample:"


def ingest(path: str, name: str | None, as_json: bool) -> None:
    imported = _ingest(open_workspace(), path, name)
    record = imported.record
    if as_json:
        skipped = [dataclasses.asdict(file) for file in imported.skipped]
        return print_json(
            {**dataset_json(record), "skipped": skipped, "already_known": imported.already_known}
        )
    known = ", known already under this name" if imported.already_known else ""
    out.print(
        f"{record.name}: {record.n:,} images in {len(record.classes)} classes, id {record.id}{known}"
    )
    for file in imported.skipped:
        out.print(f"  left out {file.name}: {file.reason}")
    for warning in record.warnings:
        out.print(f"  note: {warning}")


def find_or_ingest(workspace: Workspace, dataset: str) -> DatasetRecord:
    """What a path or a sample holds, taken in; else the dataset of that id or name.

    Raises:
        UnknownDataset, DatasetRefused: there is none, or it cannot be taken in.
    """
    if dataset.startswith(_SAMPLE) or _exists(dataset):
        return _ingest(workspace, dataset, None).record
    return workspace.store.get_dataset(dataset)


def _ingest(workspace: Workspace, path: str, name: str | None) -> Imported:
    is_sample = path.startswith(_SAMPLE)
    source = sample_source(path.removeprefix(_SAMPLE)) if is_sample else _source(Path(path))
    with progress_bar() as bar:
        task = bar.add_task("reading images", total=None)
        return import_dataset(
            workspace.store,
            workspace.artifacts,
            source,
            name=name or (path.removeprefix(_SAMPLE) if is_sample else _name_of(Path(path))),
            limits=workspace.settings.limits,
            on_progress=lambda p: bar.update(task, completed=p.done, total=p.total),
        )


def _source(path: Path) -> Source:
    try:
        return source_from_path(path)
    except OSError as error:  # such as a name that is too long to be one
        raise DatasetRefused(f'"{path}" cannot be read: {error.strerror}.') from error


def _exists(path: str) -> bool:
    with suppress(OSError):
        return Path(path).exists()
    return False


def _name_of(path: Path) -> str:
    whole = path.resolve()
    return whole.name if path.is_dir() else whole.stem
