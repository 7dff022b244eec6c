"""What each command does."""

import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from tl_core.backbones import CATALOG, find_weights
from tl_core.cli.output import dataset_json, out, print_json, print_run, progress_bar, run_json, train_json
from tl_core.config import make_run_config
from tl_core.data.paths import source_from_path
from tl_core.data.samples import sample_source
from tl_core.data.sources import Source
from tl_core.errors import ConfigError, DatasetRefused, TransferLabError
from tl_core.import_dataset import Imported, import_dataset
from tl_core.predictor import Predictor
from tl_core.records import DatasetRecord, Progress, Run, RunState
from tl_core.runners import InlineRunner
from tl_core.store import fail_stale_runs
from tl_core.workspace import Workspace, open_workspace

_SAMPLE = "sample:"


def ingest(path: str, name: str | None, as_json: bool) -> None:
    imported = _ingest(open_workspace(), path, name)
    record = imported.record
    if as_json:
        skipped = [dataclasses.asdict(file) for file in imported.skipped]
        return print_json({**dataset_json(record), "skipped": skipped, "already_known": imported.already_known})
    known = ", known already under this name" if imported.already_known else ""
    out.print(f"{record.name}: {record.n:,} images in {len(record.classes)} classes, id {record.id}{known}")
    for file in imported.skipped:
        out.print(f"  left out {file.name}: {file.reason}")
    for warning in record.warnings:
        out.print(f"  note: {warning}")


def train(dataset: str, model: dict[str, Any], recipe: dict[str, Any], as_json: bool) -> None:
    started = time.monotonic()
    make_run_config({"dataset_id": "not yet known"}, model, recipe)  # complain before the images are read
    workspace = _open_and_tidy()
    record = _find_or_ingest(workspace, dataset)
    ingested = time.monotonic()
    run = _train(workspace, record, model, recipe)
    if as_json:
        print_json(train_json(run, record, ingested - started, time.monotonic() - started))
    else:
        print_run(run)
    if run.state is not RunState.COMPLETED:
        raise TransferLabError(run.message)


def runs(as_json: bool) -> None:
    found = _open_and_tidy().store.list_runs()
    if as_json:
        return print_json(list(map(run_json, found)))
    table = Table(
        Column("run", no_wrap=True),
        "state",
        Column("dataset", overflow="fold"),
        Column("backbone", overflow="fold"),
        "frozen",
        "test accuracy",
        "n",
    )
    for run in found:
        model, result = run.config.model, run.result
        figures = (f"{result.accuracy:.1%}", str(result.n)) if result else ("", "")
        table.add_row(run.id, run.state, run.dataset_name, model.backbone, str(model.frozen_stages), *figures)
    out.print(table)


def show(run_id: str, as_json: bool) -> None:
    store = _open_and_tidy().store
    run = store.get_run(run_id)
    if as_json:
        return print_json({**run_json(run), "metrics": [dataclasses.asdict(p) for p in store.list_metrics(run.id)]})
    print_run(run)


def predict(run_id: str, images: Sequence[Path], top: int, as_json: bool) -> None:
    predictor = Predictor.of_run(open_workspace(), run_id)
    answers = predictor.predict([(str(path), path) for path in images], top)
    if as_json:
        ranked = [[{"class": name, "confidence": confidence} for name, confidence in a.top] for a in answers]
        print_json(
            [{"image": a.name, "top": r, "error": a.error or None} for a, r in zip(answers, ranked, strict=True)]
        )
    else:
        for answer in (answer for answer in answers if answer.top):
            out.print(f"{answer.name}: " + ", ".join(f"{name} {confidence:.1%}" for name, confidence in answer.top))
    if unusable := [f"{answer.name}: {answer.error}" for answer in answers if answer.error]:
        raise TransferLabError(" ".join(unusable))


def backbones(as_json: bool) -> None:
    folder = open_workspace().settings.weights_folder
    here = {name: find_weights(row, folder) is not None for name, row in CATALOG.items()}
    if as_json:
        return print_json([{**dataclasses.asdict(row), "weights_here": here[row.name]} for row in CATALOG.values()])
    table = Table(Column("name", no_wrap=True), "parameters", "stages", "weights here", "licence of the weights")
    for row in CATALOG.values():
        there = "yes" if here[row.name] else "no"
        table.add_row(row.name, f"{row.parameters:,}", str(len(row.stages)), there, row.weights.licence)
    out.print(table)


def parse_frozen_stages(text: str | None, from_scratch: bool) -> int | str:
    """What `--frozen-stages` means; unsaid, a pretrained backbone is frozen whole and a random one not at all.

    Raises:
        ConfigError: neither "all" nor a whole number.
    """
    if text is None:
        return 0 if from_scratch else "all"
    if text == "all":
        return text
    if text.isascii() and text.isdecimal():
        return int(text)
    raise ConfigError(f"--frozen-stages: {text!r} is not possible; give 'all' or a whole number from 0.")


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


def _open_and_tidy() -> Workspace:
    """The workspace, where no run is said to be running that nobody executes."""
    workspace = open_workspace()
    fail_stale_runs(workspace.store, workspace.artifacts)
    return workspace


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


def _find_or_ingest(workspace: Workspace, dataset: str) -> DatasetRecord:
    if dataset.startswith(_SAMPLE) or _exists(dataset):
        return _ingest(workspace, dataset, None).record
    return workspace.store.get_dataset(dataset)


def _train(workspace: Workspace, record: DatasetRecord, model: dict[str, Any], recipe: dict[str, Any]) -> Run:
    config = make_run_config({"dataset_id": record.id}, model, recipe)
    with progress_bar() as bar:
        task = bar.add_task("starting", total=1.0)

        def show_progress(_event: object, progress: Progress | None) -> None:
            if progress:
                text = f"{progress.stage}: {progress.detail}" if progress.detail else progress.stage
                bar.update(task, description=text, completed=progress.fraction)

        return InlineRunner(workspace, show_progress).submit(config)
