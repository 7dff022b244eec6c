"""Fixture for experiments on a small dataset of colours, without a run in the store."""

from collections.abc import Callable
from pathlib import Path

import pytest
from making_runs import run_config

from tl_core.cancellation import NEVER, Stop
from tl_core.data.splits import make_split
from tl_core.records import DatasetRecord
from tl_core.training import Experiment, pick_device
from tl_core.workspace import Workspace


@pytest.fixture
def make_experiment(workspace: Workspace, colours: DatasetRecord) -> Callable[..., Experiment]:
    """Return a function that makes experiments on small images.

    It takes the arguments of `run_config`, `stop`, and `home`, the folder for model and state.
    """

    def make(
        model: dict | None = None,
        stop: Stop = NEVER,
        home: Path = workspace.settings.home,
        **settings,
    ) -> Experiment:
        config = run_config(colours, model, **{"image_size": 64, **settings})
        images = workspace.store.list_images(colours.id)
        return Experiment(
            config=config,
            classes=colours.classes,
            images=images,
            split=make_split(images, config.data),
            dataset_folder=workspace.artifacts.dataset_folder(colours.id),
            weights_folders=workspace.settings.weights_folders,
            checkpoint=home / "model.safetensors",
            state_path=home / "training-state.pt",
            device=pick_device(),
            stop=stop,
            cache=workspace.cache,
        )

    return make
