from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tl_core.data.images import image_path
from tl_core.records import Run
from tl_core.serving import make_app
from tl_core.workspace import Workspace

Finished = tuple[Workspace, Run]


@pytest.fixture
def client(finished: Finished) -> Iterator[TestClient]:
    with TestClient(make_app(finished[0], key=None), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def address(finished: Finished) -> str:
    return f"/api/runs/{finished[1].id}/predict"


@pytest.fixture
def tested_files(finished: Finished) -> list[Path]:
    """Files of the test images, in the order of the stored predictions."""
    workspace, run = finished
    images = workspace.store.list_images(run.config.data.dataset_id)
    folder = workspace.artifacts.dataset_folder(run.config.data.dataset_id)
    _, predictions = workspace.store.list_predictions(run.id, "test")
    return [image_path(folder, images[p.position]) for p in predictions]
