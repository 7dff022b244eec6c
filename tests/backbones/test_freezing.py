"""Frozen stages do not move, whatever the rest does; and what is trained can be counted beforehand."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones import (
    CATALOG,
    TransferModel,
    build_library_model,
    build_model,
    count_parameters,
    freeze_stages,
    resolve_frozen_stages,
)
from tl_core.config import ModelConfig

depths = st.sampled_from([(name, n) for name, row in CATALOG.items() for n in [*range(len(row.stages) + 1), "all"]])


@cache
def library_model(name: str) -> nn.Module:
    """Without memory for its weights; stages are taken from it, never changed."""
    with torch.device("meta"):
        return build_library_model(CATALOG[name])


@given(depth=depths, hidden=st.integers(0, 8192), n_classes=st.integers(2, 1000), dropout=st.sampled_from([0.0, 0.5]))
def test_what_is_counted_beforehand_is_what_is_built(
    depth: tuple[str, int | str], hidden: int, n_classes: int, dropout: float
):
    name, frozen = depth
    backbone = CATALOG[name]
    config = ModelConfig(backbone=name, frozen_stages=frozen, hidden_units=hidden, dropout=dropout)
    with torch.device("meta"):
        model = build_model(backbone, config, n_classes, library_model(name))
    freeze_stages(model, resolve_frozen_stages(backbone, frozen))
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert count_parameters(backbone, config, n_classes) == (trainable, sum(p.numel() for p in model.parameters()))


def network(name: str, frozen: int) -> TransferModel:
    torch.manual_seed(0)
    config = ModelConfig(backbone=name, frozen_stages=frozen)
    model = build_model(CATALOG[name], config, 3, build_library_model(CATALOG[name]))
    freeze_stages(model, frozen)
    return model


def take_steps(model: TransferModel, part: nn.Module, inputs: torch.Tensor) -> None:
    part.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(part(inputs), torch.tensor([0, 1, 2])).backward()
        optimizer.step()


@pytest.mark.parametrize("frozen", [0, 3])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "split"])
def test_frozen_stages_stay_bit_for_bit_and_the_others_move(frozen: int, cut: bool):
    model = network("mobilenet_v2", frozen)
    images = torch.randn(3, 3, 32, 32)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    prefix, rest = model.split()
    take_steps(model, rest if cut else model, prefix(images) if cut else images)
    for name, tensor in model.state_dict().items():
        is_frozen = name.startswith("stages") and int(name.split(".")[1]) < frozen
        assert torch.equal(tensor, before[name]) is is_frozen, name


@given(data=st.data(), name=st.sampled_from(sorted(CATALOG)))
def test_train_leaves_frozen_stages_in_eval(data: st.DataObject, name: str):
    total = len(CATALOG[name].stages)
    config = ModelConfig(backbone=name)
    with torch.device("meta"):
        model = build_model(CATALOG[name], config, 2, library_model(name))
    for frozen in data.draw(st.lists(st.integers(0, total), min_size=1, max_size=3)):
        model.train(data.draw(st.booleans()))
        freeze_stages(model, frozen)
        model.train()
        modes = [{module.training for module in stage.modules()} for stage in model.stages]
        assert modes == [{False}] * frozen + [{True}] * (total - frozen)
        assert [all(p.requires_grad for p in stage.parameters()) for stage in model.stages] == [
            i >= frozen for i in range(total)
        ]
    model.eval()
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("frozen", [0, 4, 9])
def test_the_two_halves_are_the_whole(frozen: int):
    model = network("mobilenet_v2", frozen).eval()
    prefix, rest = model.split()
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(rest(prefix(images)), model(images))
    assert not any(p.requires_grad for p in prefix.parameters()) and all(p.requires_grad for p in rest.parameters())
