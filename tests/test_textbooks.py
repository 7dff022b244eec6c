"""The systems of the textbooks, each from preset to test figure on small real images: scikit-learn's digits."""

from pathlib import Path

import pytest
import torch
from making_runs import import_folder
from PIL import Image
from sklearn.datasets import load_digits

from tl_core.backbones import build_library_model, get_backbone
from tl_core.config import RunConfig, make_run_config
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.presets import PRESETS
from tl_core.records import Run, RunState
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

WEIGHTS = Path(__file__).parents[2] / "shared" / "weights"
PER_CLASS = 8


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
    """In the place of ImageNet's, which no package carries for these networks: everything else is the same."""
    folder.mkdir()
    torch.manual_seed(0)
    torch.save(build_library_model(get_backbone(backbone)).state_dict(), folder / f"{backbone}.pth")
    return folder


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
    tmp_path: Path, name: str, classes: int
):
    preset = PRESETS[name]
    home, weights = (
        tmp_path / "home",
        random_weights(tmp_path / "weights", preset.config.model.backbone),
    )
    url = f"sqlite:///{home / 'transferlab.db'}"
    workspace = open_workspace(Settings(home=home, database_url=url, weights_folder=weights))
    dataset = import_folder(workspace, save_digits(tmp_path / "digits", classes))
    config = make_run_config(dataset.id, {"image_size": 32}, preset.config)
    run = InlineRunner(workspace).submit(config)
    assert (run.state, run.message) == (RunState.COMPLETED, "")
    assert run.epochs_done == preset.config.train.epochs
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
def test_mobilenet_v2_reads_handwritten_digits_at_ninety_seven_percent(tmp_path: Path):
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'transferlab.db'}"
    workspace = open_workspace(Settings(home=home, database_url=url, weights_folder=WEIGHTS))
    run = train_on_mnist(workspace)
    assert run.result, run.message
    assert run.result.accuracy >= 0.97, f"{run.result.accuracy:.4f}, n = {run.result.n}"
    workspace.store.close()


def train_on_mnist(workspace: Workspace) -> Run:
    dataset = import_dataset(
        workspace.store,
        workspace.artifacts,
        sample_source("mnist5k"),
        name="mnist5k",
        limits=workspace.settings.limits,
    ).record
    config = make_run_config(dataset.id, {}, PRESETS["textbook-mobilenetv2-mnist"].config)
    return InlineRunner(workspace).submit(config)
