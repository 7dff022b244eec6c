"""What the commands print: JSON for machines, sentences and tables for people."""

import dataclasses
import json
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tl_core.config import ModelConfig
from tl_core.records import DatasetRecord, Run
from tl_core.text import visible


class _Terminal(Console):
    """Text is data: what would steer the terminal is made visible, whoever wrote it."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


out = _Terminal(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = _Terminal(stderr=True, highlight=False, markup=False, emoji=False)


def progress_bar() -> Progress:
    """On stderr, gone when done; nothing at all where that is no terminal."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def print_json(value: object) -> None:
    """One JSON value, in ASCII whatever the names are, so that it survives any terminal and pipe."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()  # here a reader who has left is an error that typer expects; at the interpreter's exit it is not


def dataset_json(record: DatasetRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "n": record.n,
        "classes": list(record.classes),
        "counts": dict(zip(record.classes, record.counts, strict=True)),
        "warnings": list(record.warnings),
    }


def run_json(run: Run) -> dict[str, Any]:
    return {
        **dataclasses.asdict(run),
        "config": run.config.model_dump(),
        "facts": run.facts.as_json(),
        "run_id": run.id,
    }


def train_json(
    run: Run, record: DatasetRecord, ingest_seconds: float, total_seconds: float
) -> dict[str, Any]:
    spent = run.facts.seconds_by_stage
    return {
        "run_id": run.id,
        "state": run.state,
        "message": run.message,
        "dataset": {
            "id": record.id,
            "n": record.n,
            "classes": list(record.classes),
            "skipped": record.n_skipped,
        },
        "splits": run.facts.splits.model_dump() if run.facts.splits else None,
        "device": run.facts.device or None,
        "test": dataclasses.asdict(run.result) if run.result else None,
        "seconds": {
            "ingest": ingest_seconds,
            "prepare": spent.get("reading images", 0.0) + spent.get("preparing features", 0.0),
            "train": spent.get("training", 0.0),
            "evaluate": spent.get("testing", 0.0),
            "total": total_seconds,
        },
    }


def frozen_words(model: ModelConfig) -> str:
    """What was chosen to be kept as it is."""
    whole = (
        f"stages {model.frozen_stages}"
        if model.frozen_layers is None
        else f"layers {model.frozen_layers}"
    )
    return ", ".join([whole, *model.frozen_names])


def print_run(run: Run) -> None:
    model = run.config.model
    out.print(
        f"run {run.id}: {run.state}, {run.dataset_name}, {model.backbone}, frozen {frozen_words(model)}"
    )
    if continued := run.facts.continues:
        out.print(f"It carries on from run {continued}.")
    if run.message:
        out.print(run.message)
    for note in run.facts.notes:
        out.print(note)
    if result := run.result:
        from tl_core.evaluation import wilson_interval

        right = round(result.accuracy * result.n)
        low, high = wilson_interval(right, result.n)
        out.print(
            f"Right on {right} of {result.n} test images, {result.accuracy:.1%} (95 % interval {low:.1%} to "
            f"{high:.1%}); always guessing the biggest class would be {result.baseline_accuracy:.1%}. Macro precision "
            f"{result.precision_macro:.3f}, recall {result.recall_macro:.3f}, F1 {result.f1_macro:.3f}, loss "
            f"{result.loss:.3f} on the same images; `evaluate` tells how sure these are."
        )
