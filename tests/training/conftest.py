"""Experiments on the colours, without a run in the store."""

from collections.abc import Callable

import pytest
from making_runs import run_config

from tl_core.data.splits import make_split
from tl_core.records import DatasetRecord
from tl_core.training import Experiment, pick_device
from tl_core.workspace import Workspace


@pytest.fixture
def make_experiment(workspace: Workspace, colours: DatasetRecord) -> Callable[..., Experiment]:
    """Takes what `run_config` takes, and `should_stop`."""

    def make(model: dict | None = None, should_stop: Callable[[], bool] = lambda: False, **train) -> Experiment:
        config, images = run_config(colours, model, **train), workspace.store.list_images(colours.id)
        return Experiment(
            config=config,
            classes=colours.classes,
            images=images,
            split=make_split(images, config.data),
            dataset_folder=workspace.artifacts.dataset_folder(colours.id),
            weights_folder=None,
            checkpoint=workspace.settings.home / "model.safetensors",
            device=pick_device(),
            should_stop=should_stop,
        )

    return make
