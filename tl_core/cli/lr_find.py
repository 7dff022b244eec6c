"""Command `lr-find`, which suggests a learning rate."""

from dataclasses import asdict
from typing import Annotated

import typer

from tl_core.cli.choices import chosen_settings, dataset_and_config
from tl_core.cli.options import AsJson, ClassesAt, Dataset, Preset, ProgressFile, Set
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.memory import importing


def lr_find(
    dataset: Dataset,
    *,
    classes_at: ClassesAt = None,
    preset: Preset = None,
    settings: Set = None,
    steps: Annotated[
        int, typer.Option(min=20, max=1000, help="Steps to try, each at a higher rate.")
    ] = 100,
    progress_file: ProgressFile = None,
    as_json: AsJson = False,
) -> None:
    """Suggest a learning rate.

    A temporary model is trained for a few steps at rising learning rates, and then discarded.
    """
    with importing():
        from tl_core.runs.execute import check, make_experiment, settle
        from tl_core.training.lr_finder import find_learning_rate

    chosen = chosen_settings({}, settings)
    workspace = open_and_tidy()
    read, config = dataset_and_config(workspace, dataset, chosen, preset, classes_at)
    if not as_json:
        read.tell()
    config = settle(config, check(workspace, config))
    with shown_progress("trying learning rates", progress_file) as show:
        finding = find_learning_rate(make_experiment(workspace, config), steps, on_progress=show)
    if as_json:
        return print_json({**asdict(finding), **read.as_json()})
    suggestion = "No learning rate"
    if finding.suggestion:
        suggestion = f"Learning rate {finding.suggestion:.2g} for the head"
    out.print(f"{suggestion}: {finding.reason} (Tried on {finding.n:,} training images.)")
