"""A network written out as plain PyTorch is the same network, while it trains, too."""

import os

import pytest
import torch
from backbones.families import FAMILIES, images_for, library_model
from torch import nn

from tl_core.backbones import TransferModel, build_model, get_backbone
from tl_core.config import make_run_config
from tl_core.export.plain import Unwritable, WrittenNetwork, named_tensors
from tl_core.export.training_script import stage_names

TIMMS = [name for name in FAMILIES if get_backbone(name).library == "timm"]
NAMES = TIMMS if os.environ.get("EVERY_FAMILY") else ["tf_efficientnet_lite0", "test_vit"]


def model_of(name):
    config = make_run_config("d", {"backbone": name, "pretrained": False, "frozen_stages": 0})
    return build_model(get_backbone(name), config.model, 3, library_model(name))


def built(written, model):
    network = written.build().to_empty(device="cpu")
    parent, _, last = written.head.rpartition(".")
    network.get_submodule(parent).register_module(last, model.head)
    network.load_state_dict({name: tensor.clone() for name, tensor in written.state().items()})
    return network


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_and_draws_as_the_library_s_does(name):
    model = model_of(name)
    written = WrittenNetwork(model, get_backbone(name).classifier, FAMILIES[name])
    assert "import timm" not in written.source
    network = built(written, model)
    images = images_for(name, 5)  # it was written down with two and three
    for training in (False, True):
        said = []
        for each in (model, network):
            torch.manual_seed(3)
            said.append(each.train(training)(images))
        assert torch.allclose(*said, atol=1e-4)
    moved = named_tensors(model, written.head)
    assert all(
        torch.allclose(moved[key].float(), each.float())
        for key, each in network.named_buffers()
        if key in moved
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_in_one_stage_by_its_own_name(name):
    model = model_of(name)
    written = WrittenNetwork(model, get_backbone(name).classifier, FAMILIES[name])
    prefixes = [
        *(each for stage in stage_names(model, written.head) for each in stage),
        written.head,
    ]
    names = [key for key, _ in built(written, model).named_parameters()]
    assert set(names) <= set(named_tensors(model, written.head))
    for key in names:
        assert sum(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes) == 1


class Odd(nn.Module):
    """Does something else in training, to lists, by its input's size, and with a number of its own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.register_buffer("scale", torch.ones(4, 1, 1), persistent=False)
        self.again = nn.ModuleList([self.conv, nn.BatchNorm2d(4)])

    def forward(self, x, times=2):
        batch, _, height, width = x.shape
        parts = [self.again[0](x)]
        for _ in range(times):
            parts.append(parts[-1] * self.scale)
        y = torch.cat(parts, 1).reshape(batch, -1, 4, height * width).mean(1)
        y = y + torch.arange(height * width, device=y.device)
        y = self.again[1](y.unflatten(2, (height, width)))
        if self.training:
            y += y.new_full((batch, 1, 1, 1), -float("inf")).clamp(min=-1)
        y[:, :1] = 0
        return -y if height > 3 else y


class Doubting(nn.Module):
    def forward(self, x):
        return x if x.mean() > 0 else -x


def around(part, features):
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return TransferModel([nn.Sequential(part)], pool, nn.Linear(features, 2))


def test_what_depends_on_training_or_on_the_batch_stays_so():
    model = around(Odd(), 4)
    written = WrittenNetwork(model, "classifier", 4)
    assert "if self.training:" in written.source
    network, images = built(written, model), torch.randn(7, 3, 4, 4)
    for training in (False, True):
        assert torch.equal(model.train(training)(images), network.train(training)(images))
    assert len(list(network.parameters())) == len(
        list(model.parameters())
    )  # what is shared stays shared


def test_what_decides_by_what_it_sees_is_not_written():
    with pytest.raises(Unwritable, match="decides which way"):
        WrittenNetwork(around(Doubting(), 3), "classifier", 4)
