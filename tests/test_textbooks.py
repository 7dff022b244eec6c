"""Textbook systems, each from its preset to a test accuracy, on small real images of digits."""

from pathlib import Path

import pytest
import torch
from making_runs import import_folder
from PIL import Image
from sklearn.datasets import load_digits

from tl_core.backbones import build_library_model, get_backbone
from tl_core.config import RunConfig, make_run_config
from tl_core.data.samples import SAMPLES
from tl_core.data.sources import EntryList
from tl_core.datasets.importing import import_dataset
from tl_core.presets import PRESETS
from tl_core.records import Run, RunState
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

WEIGHTS = Path(__file__).parents[2] / "shared" / "weights"
PER_CLASS = 8
SHORT = {"epochs": 3, "head_epochs": 2}
whole_or_short = pytest.mark.parametrize(
    "length",
    [pytest.param(SHORT, id="short"), pytest.param({}, id="whole", marks=pytest.mark.slow)],
)


def save_digits(folder: Path, classes: int) -> Path:
    images, labels = load_digits(return_X_y=True)
    for label in range(classes):
        (folder / str(label)).mkdir(parents=True)
        for i, image in enumerate(images[labels == label][:PER_CLASS]):
            Image.fromarray((image.reshape(8, 8) * 15.9).astype("uint8")).save(
                folder / str(label) / f"{i}.png"
            )
    return folder


def random_weights(folder: Path, backbone: str) -> Path:
    """Write stand-ins for ImageNet weights, which no package contains for these networks."""
    folder.mkdir()
    torch.manual_seed(0)
    torch.save(build_library_model(get_backbone(backbone)).state_dict(), folder / f"{backbone}.pth")
    return folder


@whole_or_short
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("textbook-resnet18", 10),
        ("textbook-resnet50-two-phase", 2),
        ("textbook-mobilenetv2-mnist", 10),
        ("textbook-vgg16", 10),
    ],
)
def test_a_textbook_system_runs_from_its_preset_to_its_test_figure(
    tmp_path: Path, name: str, classes: int, length: dict[str, int]
):
    preset = PRESETS[name]
    home = tmp_path / "home"
    weights = random_weights(tmp_path / "weights", preset.config.model.backbone)
    url = f"sqlite:///{home / 'transferlab.db'}"
    workspace = open_workspace(Settings(home=home, database_url=url, weights_folder=weights))
    dataset = import_folder(workspace, save_digits(tmp_path / "digits", classes))
    config = make_run_config(dataset.id, {"image_size": 32, **length}, preset.config)
    run = InlineRunner(workspace).submit(config)
    assert (run.state, run.message) == (RunState.COMPLETED, "")
    assert run.epochs_done == length.get("epochs", preset.config.train.epochs)
    assert run.result
    assert run.result.n == run.facts.splits.test
    assert [(p.first_epoch, p.last_epoch) for p in run.facts.plan] == phases_of(config)
    workspace.store.close()


def phases_of(config: RunConfig) -> list[tuple[int, int]]:
    train = config.train
    if train.unfreeze == "never":
        return [(1, train.epochs)]
    return [(1, train.head_epochs), (train.head_epochs + 1, train.epochs)]


@pytest.mark.skipif(
    not WEIGHTS.is_dir(),
    reason="needs ImageNet weights of MobileNetV2, which lie beside the project",
)
@pytest.mark.parametrize(
    ("every", "length", "accuracy"),
    [
        pytest.param(5, SHORT, 0.85, id="a fifth of the images"),
        pytest.param(1, {}, 0.97, id="all images", marks=pytest.mark.slow),
    ],
)
def test_mobilenet_v2_reads_handwritten_digits(
    tmp_path: Path, every: int, length: dict[str, int], accuracy: float
):
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'transferlab.db'}"
    workspace = open_workspace(Settings(home=home, database_url=url, weights_folder=WEIGHTS))
    run = train_on_mnist(workspace, every, length)
    assert run.result, run.message
    assert run.result.accuracy >= accuracy, f"{run.result.accuracy:.4f}, n = {run.result.n}"
    workspace.store.close()


def train_on_mnist(workspace: Workspace, every: int, length: dict[str, int]) -> Run:
    dataset = import_dataset(
        workspace.store,
        workspace.artifacts,
        EntryList("sample", SAMPLES["mnist5k"].entries()[::every]),
        name="mnist5k",
        limits=workspace.settings.limits,
    ).record
    config = make_run_config(dataset.id, length, PRESETS["textbook-mobilenetv2-mnist"].config)
    return InlineRunner(workspace).submit(config)
