"""Makers for the tests of runs: small images, workspaces, configurations."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tl_core.config import RunConfig, make_run_config
from tl_core.data.paths import source_from_path
from tl_core.datasets.importing import import_dataset
from tl_core.records import DatasetRecord
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (210, 40, 50)}


def make_colours(folder: Path, per_class: int = 10, prefix: str = "", first: int = 0) -> Path:
    """Write noisy images of one colour per class, which any features separate.

    Args:
        prefix: beginning of the names of classes and files.
        first: number of the first image; images of other numbers are others.
    """
    for label, colour in COLOURS.items():
        of_class = folder / f"{prefix}{label}"
        of_class.mkdir(parents=True)
        for i in range(per_class):
            noise = np.random.default_rng((len(label), first + i)).normal(colour, 25, (40, 48, 3))
            pixels = noise.clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(of_class / f"{prefix}{i}.png")
    return folder


def open_home(home: Path) -> Workspace:
    return open_workspace(Settings(home=home, database_url=f"sqlite:///{home / 'transferlab.db'}"))


def import_folder(workspace: Workspace, folder: Path) -> DatasetRecord:
    source, limits = source_from_path(folder), workspace.settings.limits
    return import_dataset(
        workspace.store, workspace.artifacts, source, name=folder.name, limits=limits
    ).record


def run_config(dataset: DatasetRecord, model: dict | None = None, **settings) -> RunConfig:
    """Two epochs on small images without augmentation, unless `model` or `settings` say otherwise.

    Both are settings by name; there are two for the sake of constants such as `TINY`.
    """
    usual = {"epochs": 2, "batch_size": 8, "augment": "none", "image_size": 64}
    return make_run_config(dataset.id, {**usual, **(model or {}), **settings})


TINY = {"backbone": "squeezenet1_1", "pretrained": False, "image_size": 64}
"""Network that is trained as a whole within a moment, and whose files are small."""
WITH_BATCH_NORM = {**TINY, "backbone": "resnet18"}
"""Such a network with running statistics, whose files are fifteen times as large."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a child process whose workspace is `home`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("TRANSFERLAB_")
    }
    # As many threads as here, or else the same sums are added up in another order.
    return {**kept, "OMP_NUM_THREADS": "1", "TRANSFERLAB_HOME": str(home), **more}
