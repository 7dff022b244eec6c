"""Checkpoints restore a model exactly; incomplete files raise a readable error."""

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


def test_the_scale_of_deep_samples_stays_with_the_model(tmp_path: Path):
    config = ModelConfig(backbone="squeezenet1_1", image_size=64)
    path = tmp_path / "model.safetensors"
    for levels in (None, (), (("16-bit", 0.0, 4095.0),)):
        save_checkpoint(path, network(config), config, CLASSES, levels)
        assert load_checkpoint(path).preprocessing.levels == levels


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
def test_a_loaded_model_equals_the_saved_one(tmp_path: Path, name: str):
    config = ModelConfig(backbone=name, frozen_stages=2, hidden_units=4, dropout=0.5, image_size=64)
    model = network(config).to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "new" / "model.safetensors", model, config, CLASSES)
    state = torch.get_rng_state()
    checkpoint = load_checkpoint(tmp_path / "new" / "model.safetensors")
    unchanged = torch.equal(state, torch.get_rng_state())
    assert unchanged, "a run in the same process would see other random numbers"
    assert checkpoint.classes == CLASSES and checkpoint.backbone == get_backbone(name)
    loaded = checkpoint.model.state_dict()
    saved = model.state_dict()
    assert list(loaded) == list(saved)
    assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.items())
    assert not any(module.training for module in checkpoint.model.modules())
    assert checkpoint.model.frozen.stages == 2 and checkpoint.preprocessing.size == 64
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(checkpoint.model(images), model.eval()(images), atol=1e-5)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["model.safetensors"]


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(RunNotReady, match=r"the file model\.safetensors is missing"):
        load_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 1000, -1])
def test_a_truncated_file_raises_a_readable_error(tmp_path: Path, keep: int):
    path = tmp_path / "model.safetensors"
    config = ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), config, CLASSES)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunNotReady, match="cannot be read"):
        load_checkpoint(path)


def test_a_full_disk_leaves_the_model_that_was_there(
    tmp_path: Path, fill_disk_under: Callable[[Path], None]
):
    path = tmp_path / "model.safetensors"
    config = ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), config, CLASSES)
    before = path.read_bytes()
    fill_disk_under(path)
    with pytest.raises(OSError) as failure:
        save_checkpoint(path, network(config), config, CLASSES)
    assert failure.value.errno == errno.ENOSPC
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_changes_are_read_with_their_own_model_only_and_merged_into_its_file(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    config = ModelConfig(backbone="squeezenet1_1", hidden_units=4)
    model = network(config)
    other = network(config)
    save_checkpoint(path, model, config, CLASSES)
    size = path.stat().st_size
    for _ in range(2):
        model.head[-1].bias.data += 1
        save_changes(path, model.head.state_dict(prefix="head."))
        assert same(load_checkpoint(path).model, model)
    changes = tmp_path / "model.changes"
    left = changes.read_bytes()
    assert len(left) < size / 10
    make_whole(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert same(load_checkpoint(path).model, model)
    # A crash between writing the model and deleting the changes leaves both.
    changes.write_bytes(left)
    assert same(load_checkpoint(path).model, model)
    save_checkpoint(path, other, config, CLASSES)
    changes.write_bytes(left)
    assert same(load_checkpoint(path).model, other), "changes of another model are ignored"


def same(model: TransferModel, other: TransferModel) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(one, two) for one, two in pairs)


def test_a_model_of_another_version_raises_a_readable_error(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    config = ModelConfig(backbone="squeezenet1_1")
    save_checkpoint(path, network(config), ModelConfig(backbone="resnet18"), CLASSES)
    with pytest.raises(RunNotReady, match="Another version"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "depth"), [("resnet18", 3), ("tf_efficientnet_lite0", 3), ("mobilenet_v2", 4)]
)
def test_a_model_of_release_0_1_can_still_be_used(tmp_path: Path, name: str, depth: int):
    """Release 0.1 numbered the library's modules within each stage instead of naming them."""
    path = tmp_path / "model.safetensors"
    config = ModelConfig(backbone=name)
    model = network(config)
    numbers = {}

    def number(tensor: str) -> str:
        if not tensor.startswith("stages."):
            return tensor
        own = depth + (tensor.split(".")[2] == "blocks")
        stage = tensor.split(".")[1]
        module = tensor.split(".")[2:own]
        rest = tensor.split(".")[own:]
        numbers_in_stage = numbers.setdefault(stage, {})
        index = numbers_in_stage.setdefault(tuple(module), len(numbers_in_stage))
        return ".".join(("stages", stage, str(index), *rest))

    save_checkpoint(path, model, config, CLASSES)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    # Checksums came later.
    del metadata["checksum"]
    numbered = {number(key): tensor.contiguous() for key, tensor in model.state_dict().items()}
    save_file(numbered, path, metadata)
    loaded = load_checkpoint(path).model.state_dict()
    assert all(torch.equal(tensor, loaded[key]) for key, tensor in model.state_dict().items())
