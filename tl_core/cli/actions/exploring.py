"""What pretrained features say about a dataset before anything is trained, and maps of what a run has kept."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.table import Column, Table

from tl_core.cli.actions.datasets import find_or_ingest
from tl_core.cli.actions.training import Choices, measured
from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import out, print_json
from tl_core.errors import ConfigError
from tl_core.evaluation.embedding import MOST_MAPPED, Method, lay_out
from tl_core.evaluation.probes import Probing
from tl_core.evaluation.sampling import sample_evenly
from tl_core.files import replacing
from tl_core.outputs import load_outputs
from tl_core.runs.pretrained import DatasetFeatures, learnable, pretrained_features, probe_dataset

_PREPARING = 0.7
"""Share of a map's time that computing features takes, roughly."""


def embed(dataset: str, choices: Choices, to: Path, as_json: bool) -> None:
    workspace = open_and_tidy()
    choices.config(workspace)  # complain before the images are read
    _refuse_place(to)
    record = find_or_ingest(workspace, dataset)
    with measured("passing images through the backbone") as show:
        found = pretrained_features(
            workspace, choices.config(workspace, record.id), on_progress=show
        )
    _write(to, found)
    n, width = found.features.shape
    if as_json:
        model = found.config.model
        return print_json(
            {
                "file": str(to),
                "n": n,
                "features": width,
                "backbone": model.backbone,
                "dataset": record.id,
            }
        )
    out.print(
        f"{width:,} features of each of {n:,} images, with names, labels, classes and sides, in {to}"
    )


def probe(dataset: str, choices: Choices, progress_file: Path | None, as_json: bool) -> None:
    workspace = open_and_tidy()
    choices.config(workspace)
    record = find_or_ingest(workspace, dataset)
    with measured("trying classical models", progress_file=progress_file) as show:
        found = probe_dataset(workspace, choices.config(workspace, record.id), show)
    if as_json:
        return print_json(dataclasses.asdict(found))
    _print_probing(found)


def lay_out_dataset(
    dataset: str, choices: Choices, method: Method, progress_file: Path | None
) -> None:
    """Of training and validation images: prints positions, points and the share that PCA shows, as JSON."""
    workspace = open_and_tidy()
    with measured("drawing a map", progress_file=progress_file) as show:
        found = pretrained_features(
            workspace,
            choices.config(workspace, workspace.store.get_dataset(dataset).id),
            learnable(MOST_MAPPED),
            lambda share: show(_PREPARING * share),
        )
        n_of = len(found.split.train) + len(found.split.val)
        _print_layout([image.position for image in found.images], found.features, n_of, method)


def lay_out_run(
    run_id: str, split: Literal["val", "test"], method: Method, progress_file: Path | None
) -> None:
    """Of a run's own features, as its model had them in the end."""
    workspace = open_and_tidy()
    with measured("drawing a map", progress_file=progress_file) as show:
        show(0.0)
        kept = load_outputs(workspace.artifacts.outputs(workspace.store.get_run(run_id).id), split)
        chosen = sample_evenly(kept.labels[kept.rows].tolist(), MOST_MAPPED)
        positions = kept.positions[kept.rows][chosen].tolist()
        _print_layout(positions, kept.features[chosen], len(kept.positions), method)


def _print_layout(positions: Sequence[int], features: Any, n_of: int, method: Method) -> None:
    found = lay_out(features, method)
    points = np.round(found.points.astype(float), 4).tolist()
    print_json({"positions": positions, "points": points, "share": found.share, "n_of": n_of})


def _refuse_place(to: Path) -> None:
    if to.suffix != ".npz":
        raise ConfigError(f'"{to}" cannot be written to: give a file name that ends in .npz.')
    if not to.parent.is_dir():
        raise ConfigError(f'"{to}" cannot be written to: there is no folder {to.parent}.')


def _write(to: Path, found: DatasetFeatures) -> None:
    """Arrays without pickles; all of the file or nothing new."""
    side = {p: name for name in ("train", "val", "test") for p in getattr(found.split, name)}
    arrays = {
        "features": found.features,
        "names": np.array([image.name for image in found.images]),
        "labels": np.array(found.labels, dtype=np.int64),
        "classes": np.array(found.dataset.classes),
        "sides": np.array([side[image.position] for image in found.images]),
        "sha256": np.array([image.sha256 for image in found.images]),
    }
    try:
        with replacing(to) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise ConfigError(f'"{to}" cannot be written: {error.strerror}.') from error


def _print_probing(found: Probing) -> None:
    table = Table(
        "model",
        Column("right", justify="right"),
        Column("± over folds"),
        Column("seconds", justify="right"),
    )
    for result in found.results:
        table.add_row(
            result.title, f"{result.accuracy:.1%}", f"{result.spread:.1%}", f"{result.seconds:.1f}"
        )
    out.print(table)
    sample = "" if found.n == found.n_of else f", a sample of {found.n_of:,}"
    out.print(
        f"Mean and standard deviation over {found.folds} folds of {found.n:,} training and validation images{sample}. "
        "The test set has no part in this."
    )
    for sentence in (*found.notes, *(f"{r.title}: {r.note}" for r in found.results if r.note)):
        out.print(sentence)
