"""Freezing by stages, layers or names: the selection, its effect and its size."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones import (
    TransferModel,
    anatomy,
    build_library_model,
    build_model,
    count_parameters,
    freeze,
    get_backbone,
    resolve_frozen,
)
from tl_core.backbones.build import Frozen
from tl_core.config import ModelConfig
from tl_core.errors import ConfigError

NAMES = (
    "resnet18",
    "mobilenet_v2",
    "tf_efficientnet_lite0",
    "vit_tiny_patch16_224",
    "squeezenet1_1",
    "swin_t",
)


@cache
def library_model(name: str) -> nn.Module:
    """Build a model without memory for its weights; its stages are read, never changed."""
    with torch.device("meta"):
        return build_library_model(get_backbone(name))


def without_weights(config: ModelConfig, n_classes: int) -> TransferModel:
    with torch.device("meta"):
        return build_model(
            get_backbone(config.backbone), config, n_classes, library_model(config.backbone)
        )


def small(**settings) -> TransferModel:
    """Build a frozen mobilenet_v2 with these settings."""
    torch.manual_seed(0)
    config = ModelConfig(backbone="mobilenet_v2", **settings)
    backbone = get_backbone("mobilenet_v2")
    model = build_model(backbone, config, 2, build_library_model(backbone))
    freeze(model, resolve_frozen(backbone, config), config.batch_norm)
    return model


def frozen(name: str, **settings) -> Frozen:
    return resolve_frozen(get_backbone(name), ModelConfig(backbone=name, **settings))


choices = st.sampled_from(NAMES).flatmap(
    lambda name: st.builds(
        ModelConfig,
        backbone=st.just(name),
        frozen_stages=st.sampled_from([*range(-4, 5), "all"]),
        frozen_layers=st.none() | st.integers(0, 60),
        frozen_names=st.lists(st.sampled_from(["*1*", "*.0", "*0.*"]), max_size=2).map(tuple),
        hidden_units=st.lists(st.integers(1, 99), max_size=3).map(tuple),
        dropout=st.sampled_from([0.0, 0.5]),
        output=st.sampled_from(["softmax", "sigmoid"]),
    )
)


@settings(max_examples=40)
@given(config=choices, n_classes=st.integers(2, 1000))
def test_what_is_counted_beforehand_is_what_is_built(config: ModelConfig, n_classes: int):
    n_classes = 2 if config.output == "sigmoid" else n_classes
    backbone = get_backbone(config.backbone)
    model = without_weights(config, n_classes)
    freeze(model, resolve_frozen(backbone, config))
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert count_parameters(backbone, config, n_classes) == (
        trainable,
        sum(p.numel() for p in model.parameters()),
    )


@settings(max_examples=40)
@given(config=choices)
def test_train_leaves_what_is_frozen_in_eval(config: ModelConfig):
    model = without_weights(config, 2)
    what = resolve_frozen(get_backbone(config.backbone), config)
    for again in (Frozen(0), what):
        model.train()
        freeze(model, again)
    for i, stage in enumerate(model.stages):
        for name, module in stage.named_modules():
            if i < what.stages or name in what.modules:
                assert not module.training and not any(p.requires_grad for p in module.parameters())
            elif not list(module.children()) and type(module) is not nn.Module:
                assert module.training and all(p.requires_grad for p in module.parameters())
    assert all(module.training for module in model.head.modules())
    model.eval()
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize(
    "settings", [{"frozen_stages": 3}, {"frozen_layers": 40}, {"frozen_names": ("*.conv.1",)}]
)
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "split"])
def test_frozen_weights_and_averages_stay_bit_for_bit_and_the_others_move(
    settings: dict, cut: bool
):
    model = small(**{"frozen_stages": 0, **settings})
    still = model.frozen
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    prefix, rest = model.split()
    part, inputs = (
        (rest, prefix(torch.randn(3, 3, 32, 32))) if cut else (model, torch.randn(3, 3, 32, 32))
    )
    part.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(part(inputs), torch.tensor([0, 1, 1])).backward()
        optimizer.step()
    for name, tensor in model.state_dict().items():
        part_name, _, rest_of_name = name.partition(".")
        stage, _, leaf = rest_of_name.partition(".")
        is_frozen = part_name == "stages" and (
            int(stage) < still.stages
            or any(leaf.startswith(module + ".") for module in still.modules)
        )
        assert torch.equal(tensor, before[name]) is is_frozen, name


def test_adapting_batch_norm_moves_its_averages_and_nothing_else_of_what_is_frozen():
    model = small(frozen_stages="all", batch_norm="adapt")
    before = {name: tensor.clone() for name, tensor in model.stages.state_dict().items()}
    prefix, rest = model.split()
    assert len(prefix) == 0
    rest.train()
    rest(torch.randn(4, 3, 64, 64))
    moved = {
        name
        for name, tensor in model.stages.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    averages = ("running_mean", "running_var", "num_batches_tracked")
    assert moved == {name for name in before if name.endswith(averages)}
    rest.eval()
    assert not any(module.training for module in rest.modules())


def test_a_frozen_transformer_has_no_batch_norm_to_adapt():
    config = ModelConfig(backbone="vit_tiny_patch16_224", batch_norm="adapt")
    model = without_weights(config, 2)
    freeze(model, resolve_frozen(get_backbone(config.backbone), config), "adapt")
    assert len(model.split()[0]) == len(model.stages) + 1


@pytest.mark.parametrize("name", NAMES)
def test_stages_count_from_the_input_or_from_the_top(name: str):
    total = len(anatomy(get_backbone(name)).stages)
    assert frozen(name) == frozen(name, frozen_stages=total) == Frozen(total)
    assert (
        frozen(name, frozen_stages=-2) == frozen(name, frozen_stages=total - 2) == Frozen(total - 2)
    )
    assert frozen(name, frozen_stages=-total) == frozen(name, frozen_stages=0) == Frozen(0)


@pytest.mark.parametrize("asked", [12, -12])
def test_too_many_stages_are_refused(asked: int):
    with pytest.raises(
        ConfigError, match=f"Frozen stages: {asked} is too many; resnet18 has 5 stages"
    ):
        frozen("resnet18", frozen_stages=asked)


@pytest.mark.parametrize(("name", "keras"), [("resnet50", 175 - 2), ("inception_v3", 311)])
def test_layers_are_counted_as_keras_counts_them(name: str, keras: int):
    assert len(anatomy(get_backbone(name)).layers) == keras


def test_the_first_layers_are_whole_stages_and_then_modules():
    layers = [layer.name for layer in anatomy(get_backbone("resnet50")).layers]
    assert layers[:6] == ["input", "conv1", "bn1", "relu", "maxpool", "layer1.0.conv1"]
    assert frozen("resnet50", frozen_layers=0) == frozen("resnet50", frozen_layers=1) == Frozen(0)
    assert frozen("resnet50", frozen_layers=5) == Frozen(1)
    assert frozen("resnet50", frozen_layers=7) == Frozen(
        1, frozenset({"layer1.0.conv1", "layer1.0.bn1"})
    )
    assert frozen("resnet50", frozen_layers=173) == Frozen(5)
    assert frozen(
        "resnet50", frozen_layers=anatomy(get_backbone("resnet50")).stages[2].layers
    ) == Frozen(3)
    with pytest.raises(
        ConfigError, match="Frozen layers: 174 is too many; resnet50 has 173 layers"
    ):
        frozen("resnet50", frozen_layers=174)


def test_names_freeze_all_that_is_in_what_they_match():
    assert frozen("resnet18", frozen_stages=0, frozen_names=("conv1", "bn1")) == Frozen(1)
    assert frozen("resnet18", frozen_stages=1, frozen_names=("layer1*",)) == Frozen(2)
    norms = frozen("resnet18", frozen_stages=0, frozen_names=("*.bn1",))
    assert norms == Frozen(0, frozenset(f"layer{i}.{j}.bn1" for i in range(1, 5) for j in range(2)))
    assert frozen("vit_tiny_patch16_224", frozen_stages=0, frozen_names=("cls_token",)).modules == {
        "cls_token"
    }
    with pytest.raises(
        ConfigError, match=r"Frozen names: 'layr1\.\*' is no layer of resnet18; it has layer1"
    ):
        frozen("resnet18", frozen_stages=0, frozen_names=("layr1.*",))
