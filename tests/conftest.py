"""A workspace of its own for every test, a dataset that is made in a moment, and one finished run to ask about."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from tl_core.config import RunConfig, make_run_config
from tl_core.data.paths import source_from_path
from tl_core.import_dataset import import_dataset
from tl_core.memory import keep_freed_memory
from tl_core.records import DatasetRecord, Run
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (210, 40, 50)}

keep_freed_memory()  # as the app and the command line do
hypothesis.settings.register_profile("without a stopwatch", deadline=None)
hypothesis.settings.load_profile("without a stopwatch")


def make_colours(folder: Path, per_class: int = 10) -> Path:
    """Noisy pictures of one colour a class: any features tell them apart."""
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for i in range(per_class):
            noise = np.random.default_rng((len(label), i)).normal(colour, 25, (40, 48, 3))
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / label / f"{i}.png")
    return folder


def open_home(home: Path) -> Workspace:
    return open_workspace(Settings(home=home, database_url=f"sqlite:///{home / 'transferlab.db'}"))


def import_folder(workspace: Workspace, folder: Path) -> DatasetRecord:
    source, limits = source_from_path(folder), workspace.settings.limits
    return import_dataset(workspace.store, workspace.artifacts, source, name=folder.name, limits=limits).record


def run_config(dataset: DatasetRecord, model: dict | None = None, **train) -> RunConfig:
    """Two epochs without augmentation, unless `train` says otherwise."""
    recipe = {"epochs": 2, "batch_size": 8, "augment": False, **train}
    return make_run_config({"dataset_id": dataset.id}, model or {}, recipe)


@pytest.fixture(scope="session")
def colours_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_colours(tmp_path_factory.mktemp("given") / "colours")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.store.close()


@pytest.fixture
def colours(workspace: Workspace, colours_folder: Path) -> DatasetRecord:
    """Three classes of ten, in the workspace."""
    return import_folder(workspace, colours_folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, colours_folder: Path) -> Iterator[tuple[Workspace, Run]]:
    """A workspace with one completed run on the colours. Read it, and leave it as it is."""
    opened = open_home(tmp_path_factory.mktemp("finished"))
    dataset = import_folder(opened, colours_folder)
    yield opened, InlineRunner(opened).submit(run_config(dataset, epochs=3))
    opened.store.close()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(home: Path, **more: str) -> dict[str, str]:
    """For a child process whose workspace is `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRANSFERLAB_")}
    return {**kept, "TRANSFERLAB_HOME": str(home), **more}
