"""Families of networks: cut into stages, each still computes the library's own network."""

import pytest
import torch
from families import FAMILIES, USUAL, every_family, images_for, library_features, library_model
from safetensors.torch import load_model, save_model
from torch import Tensor

from tl_core.backbones import (
    TransferModel,
    anatomy,
    build_model,
    freeze,
    get_backbone,
    parameters_by_part,
)
from tl_core.backbones.build import Frozen
from tl_core.config import ModelConfig

OF_THEIR_OWN = ("alexnet", "googlenet", "squeezenet1_1", "deit_tiny_distilled_patch16_224")
"""Families with a classifier or a pooling of their own kind."""


def transfer_model(name: str) -> TransferModel:
    config = ModelConfig(backbone=name, image_size=FAMILIES[name])
    return build_model(get_backbone(name), config, 2, library_model(name)).eval()


@every_family([*USUAL, *OF_THEIR_OWN])
@torch.inference_mode()
def test_the_stages_give_the_librarys_own_features(name: str):
    backbone, network, images = get_backbone(name), library_model(name), images_for(name)
    model = build_model(
        backbone, ModelConfig(backbone=name, image_size=FAMILIES[name]), 2, network
    ).eval()
    ours = model.pool(model.stages(images))
    assert ours.shape == (2, anatomy(backbone).features) and ours.std() > 0
    torch.testing.assert_close(
        ours, library_features(backbone, network, images), rtol=1e-5, atol=1e-5
    )
    for depth in {1, len(model.stages) // 2, len(model.stages)}:
        assert_the_halves_are_the_whole(model, Frozen(depth), images, model.head(ours))


def assert_the_halves_are_the_whole(
    model: TransferModel, frozen: Frozen, images: Tensor, whole: Tensor
) -> None:
    """Check that the trainable half does not change its input, since activations are cached."""
    freeze(model, frozen)
    prefix, rest = model.split()
    kept = prefix(images)
    copy = kept.clone()
    assert torch.equal(rest.eval()(kept), whole)
    assert torch.equal(kept, copy)


@every_family([*USUAL, *OF_THEIR_OWN])
def test_the_stages_hold_every_weight_but_the_classifiers_under_its_own_name(name: str):
    backbone = get_backbone(name)
    with torch.device("meta"):
        network = library_model(name)
        model = build_model(
            backbone, ModelConfig(backbone=name, image_size=FAMILIES[name]), 2, network
        )
    ours = {key.split(".", 1)[1] for key in model.stages.state_dict()}
    theirs = {
        key
        for key in network.state_dict()
        if not key.startswith((f"{backbone.classifier}.", "head_dist."))
    }
    assert ours == theirs
    assert len(parameters_by_part(model)) == len(model.stages) + 1


@every_family()
def test_what_is_frozen_does_not_move_at_any_depth(name: str):
    model, images, labels = transfer_model(name), images_for(name), torch.tensor([0, 1])
    for depth in range(len(model.stages), -1, -1):
        freeze(model, Frozen(depth))
        model.train()
        still = {key: tensor.clone() for key, tensor in model.stages[:depth].state_dict().items()}
        moving = [p for p in model.parameters() if p.requires_grad]
        before = [p.detach().clone() for p in moving]
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        torch.optim.SGD(moving, lr=1e-3, weight_decay=0.1).step()
        model.zero_grad()
        assert all(
            torch.equal(tensor, still[key])
            for key, tensor in model.stages[:depth].state_dict().items()
        )
        assert not any(
            torch.equal(p, old)
            for p, old in zip(moving, before, strict=True)
            if old.count_nonzero()
        )


@every_family()
@torch.inference_mode()
def test_a_model_on_disk_is_the_same_model(name: str, tmp_path):
    model, images = transfer_model(name), images_for(name)
    save_model(model, str(tmp_path / "model.safetensors"))
    torch.manual_seed(5)
    other = transfer_model(name)
    for parameter in other.parameters():
        parameter.zero_()
    load_model(other, str(tmp_path / "model.safetensors"))
    assert torch.equal(model(images), other(images))


@every_family(["resnet18", "test_vit"])
@pytest.mark.filterwarnings("ignore")
def test_a_model_in_onnx_says_the_same(name: str, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, images = transfer_model(name), images_for(name, 3)
    file = tmp_path / "model.onnx"
    torch.onnx.export(
        model,
        (images[:2],),
        file,
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file)
    for n in (1, 3):
        (said,) = session.run(None, {session.get_inputs()[0].name: images[:n].numpy()})
        with torch.inference_mode():
            torch.testing.assert_close(
                torch.from_numpy(said), model(images[:n]), rtol=1e-3, atol=1e-4
            )
