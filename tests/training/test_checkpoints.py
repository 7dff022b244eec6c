"""A model comes back from its file exactly, and a reader finds a whole file or a sentence."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tl_core.backbones import TransferModel, build_library_model, build_model, get_backbone
from tl_core.config import ModelConfig
from tl_core.errors import RunNotReady
from tl_core.training import load_checkpoint, make_whole, save_checkpoint
from tl_core.training.checkpoints import save_changes

CLASSES = ("a", "ü", '"]', "[bold]x[/bold]", "two\nlines")


def network(config: ModelConfig) -> TransferModel:
    backbone = get_backbone(config.backbone)
    return build_model(
        backbone, config, len(CLASSES), build_library_model(backbone, config.image_size)
    )


@pytest.mark.parametrize(
    "name",
    [
        "tf_efficientnet_lite0",
        "resnet18",
        "squeezenet1_1",
        "densenet121",
        "vit_b_16",
        "swin_t",
        "swin_v2_t",
    ],
)
def test_what_is_loaded_is_what_was_saved(tmp_path: Path, name: str):
    config = ModelConfig(backbone=name, frozen_stages=2, hidden_units=4, dropout=0.5, image_size=64)
    model = network(config).to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "new" / "model.safetensors", model, config, CLASSES)
    state = torch.get_rng_state()
    checkpoint = load_checkpoint(tmp_path / "new" / "model.safetensors")
    assert torch.equal(state, torch.get_rng_state()), (
        "a run beside this would see other random numbers"
    )
    assert checkpoint.classes == CLASSES and checkpoint.backbone == get_backbone(name)
    loaded, saved = checkpoint.model.state_dict(), model.state_dict()
    assert list(loaded) == list(saved)
    assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.items())
    assert not any(module.training for module in checkpoint.model.modules())
    assert checkpoint.model.frozen.stages == 2 and checkpoint.preprocessing.size == 64
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(checkpoint.model(images), model.eval()(images), atol=1e-5)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["model.safetensors"]


def test_without_a_file_there_is_no_model_yet(tmp_path: Path):
    with pytest.raises(RunNotReady, match="ended before its first epoch was finished"):
        load_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 1000, -1])
def test_a_cut_off_file_is_a_sentence(tmp_path: Path, keep: int):
    path, config = tmp_path / "model.safetensors", ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), config, CLASSES)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunNotReady, match="cannot be read"):
        load_checkpoint(path)


def test_a_full_disk_leaves_the_model_that_was_there(
    tmp_path: Path, fill_disk_under: Callable[[Path], None]
):
    path, config = tmp_path / "model.safetensors", ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), config, CLASSES)
    before = path.read_bytes()
    fill_disk_under(path)
    with pytest.raises(OSError) as failure:
        save_checkpoint(path, network(config), config, CLASSES)
    assert failure.value.errno == errno.ENOSPC
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_changed_is_read_with_the_model_it_belongs_to_and_made_one_file(tmp_path: Path):
    path, config = (
        tmp_path / "model.safetensors",
        ModelConfig(backbone="squeezenet1_1", hidden_units=4),
    )
    model, other = network(config), network(config)
    save_checkpoint(path, model, config, CLASSES)
    whole = path.stat().st_size
    for _ in range(2):
        model.head[-1].bias.data += 1
        save_changes(path, model.head.state_dict(prefix="head."))
        assert same(load_checkpoint(path).model, model)
    changes = tmp_path / "model.changes"
    left = changes.read_bytes()
    assert len(left) < whole / 10
    make_whole(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert same(load_checkpoint(path).model, model)
    changes.write_bytes(left)  # as a crash between the two would leave it
    assert same(load_checkpoint(path).model, model)
    save_checkpoint(path, other, config, CLASSES)
    changes.write_bytes(left)
    assert same(load_checkpoint(path).model, other), "changes of another model are none of this"


def same(model: TransferModel, other: TransferModel) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(one, two) for one, two in pairs)


def test_the_model_of_another_version_is_a_sentence(tmp_path: Path):
    path, config = tmp_path / "model.safetensors", ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), ModelConfig(backbone="resnet18"), CLASSES)
    with pytest.raises(RunNotReady, match="Another version"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "depth"), [("resnet18", 3), ("tf_efficientnet_lite0", 3), ("mobilenet_v2", 4)]
)
def test_a_model_of_release_0_1_can_still_be_used(tmp_path: Path, name: str, depth: int):
    """It numbered the library's modules within each stage, instead of calling them by their names."""
    path, config = tmp_path / "model.safetensors", ModelConfig(backbone=name)
    model, numbers = network(config), {}

    def number(tensor: str) -> str:
        if not tensor.startswith("stages."):
            return tensor
        own = depth + (tensor.split(".")[2] == "blocks")
        stage, module, rest = (
            tensor.split(".")[1],
            tensor.split(".")[2:own],
            tensor.split(".")[own:],
        )
        of_stage = numbers.setdefault(stage, {})
        return ".".join(
            ("stages", stage, str(of_stage.setdefault(tuple(module), len(of_stage))), *rest)
        )

    save_checkpoint(path, model, config, CLASSES)
    with safe_open(path, "pt") as file:
        about = file.metadata()
    save_file(
        {number(key): tensor.contiguous() for key, tensor in model.state_dict().items()},
        path,
        about,
    )
    loaded = load_checkpoint(path).model.state_dict()
    assert all(torch.equal(tensor, loaded[key]) for key, tensor in model.state_dict().items())
