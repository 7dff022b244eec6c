"""Command `probe`, which tries classical models on a pretrained backbone's features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from tl_core.cli.choices import chosen_settings, dataset_and_config
from tl_core.cli.options import AsJson, Backbone, ClassesAt, Dataset, ProgressFile, Set
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.memory import importing
from tl_core.text import percent

if TYPE_CHECKING:
    from tl_core.evaluation.probes import Probing


def probe(
    dataset: Dataset,
    *,
    classes_at: ClassesAt = None,
    backbone: Backbone = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try logistic regression alone, which takes seconds.")
    ] = False,
    settings: Set = None,
    progress_file: ProgressFile = None,
    as_json: AsJson = False,
) -> None:
    """Cross-validate classical models on a pretrained backbone's features.

    They are logistic regression, support vector machines, nearest neighbours, a decision tree and
    a random forest, on training and validation images. The test set is not used.
    """
    with importing():
        from tl_core.runs.pretrained import probe_dataset

    chosen = chosen_settings({"backbone": backbone}, settings)
    workspace = open_and_tidy()
    read, config = dataset_and_config(workspace, dataset, chosen, classes_at=classes_at)
    if not as_json:
        read.tell()
    with shown_progress("trying classical models", progress_file) as show:
        found = probe_dataset(workspace, config, show, quick=quick)
    if as_json:
        return print_json({**dataclasses.asdict(found), **read.as_json()})
    _print(found)


def _print(found: Probing) -> None:
    out.print(found.answer)
    table = Table(
        "model",
        Column("accuracy", justify="right"),
        Column("± over folds"),
        Column("seconds", justify="right"),
    )
    for result in found.results:
        table.add_row(
            result.title,
            percent(result.accuracy),
            percent(result.spread),
            f"{result.seconds:.1f}",
        )
    out.print(table)
    sample = "" if found.n == found.n_of else f", a sample of {found.n_of:,}"
    out.print(
        f"Mean and standard deviation over {found.folds} folds of {found.n:,} training and "
        f"validation images{sample}. The test set is not used."
    )
    for note in found.notes:
        out.print(note)
    for result in found.results:
        if result.note:
            out.print(f"{result.title}: {result.note}")
