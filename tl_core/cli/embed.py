"""Command `embed`, which writes the features of a dataset to a file for NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tl_core.cli.choices import chosen_settings, dataset_and_config
from tl_core.cli.options import AsJson, Backbone, ClassesAt, Dataset, Set
from tl_core.cli.output import out, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.errors import ConfigError
from tl_core.files import replacing
from tl_core.memory import importing

if TYPE_CHECKING:
    from tl_core.runs.pretrained import DatasetFeatures


def embed(
    dataset: Dataset,
    *,
    classes_at: ClassesAt = None,
    to: Annotated[Path, typer.Option(metavar="FILE.npz", help="File to write.")],
    backbone: Backbone = None,
    settings: Set = None,
    as_json: AsJson = False,
) -> None:
    """Write each image's features from a pretrained backbone to a file for NumPy.

    The file holds the arrays features (float32, images by features), names, labels (indices into
    classes), classes, sides (train, val or test, as a run with these settings would split the
    images) and sha256. Read it with numpy.load(FILE). Results are cached: a later run with the
    same backbone starts at once.
    """
    with importing():
        from tl_core.runs.pretrained import pretrained_features

    chosen = chosen_settings({"backbone": backbone}, settings)
    # Before images are read, which may take long.
    _check_target(to)
    workspace = open_and_tidy()
    read, config = dataset_and_config(workspace, dataset, chosen, classes_at=classes_at)
    if not as_json:
        read.tell()
    with shown_progress("passing images through the backbone") as show:
        found = pretrained_features(workspace, config, on_progress=show)
    _write(to, found)
    n, width = found.features.shape
    if not as_json:
        parts = f"{width:,} features of each of {n:,} images, with names, labels, classes and sides"
        return out.print(f"{parts}, in {to}")
    print_json(
        {
            "file": str(to),
            "n": n,
            "features": width,
            "backbone": found.config.model.backbone,
            "dataset": read.record.id,
            **read.as_json(),
        }
    )


def _check_target(to: Path) -> None:
    if to.suffix != ".npz":
        raise ConfigError(f'"{to}" cannot be written to: give a file name that ends in .npz.')
    if not to.parent.is_dir():
        raise ConfigError(f'"{to}" cannot be written to: there is no folder {to.parent}.')


def _write(to: Path, found: DatasetFeatures) -> None:
    import numpy as np

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
            # `numpy.load` refuses pickled arrays by default, since they can run code.
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise ConfigError(f'"{to}" cannot be written: {error.strerror}.') from error
