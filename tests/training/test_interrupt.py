"""Stopping in mid-step: asked often enough, and without changing what is computed."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tl_core.backbones import build_library_model, build_model, get_backbone
from tl_core.config import ModelConfig
from tl_core.errors import Cancelled
from tl_core.training import interrupt
from tl_core.training.interrupt import stop_between_calls, stop_between_layers


def after(questions: int) -> Callable[[], bool]:
    """Says stop after so many questions, and stays with it."""
    asked = itertools.count()
    return lambda: next(asked) >= questions


class Attending(nn.Module):
    """Attention as torchvision's vision transformers use it, without their size."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = images.reshape(len(images), -1, 8)
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.mlp(tokens + attended).mean(1)


def network(name: str, side: int | None = None) -> nn.Module:
    torch.manual_seed(0)
    if name == "attending":
        return Attending().double().eval()
    config, backbone = (
        ModelConfig(backbone=name, hidden_units=8, image_size=side),
        get_backbone(name),
    )
    return build_model(backbone, config, 3, build_library_model(backbone, side)).double().eval()


def outputs_and_gradients(model: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    inputs = images.clone().requires_grad_()
    logits = model(inputs)
    logits.square().sum().backward()
    return [logits.detach(), inputs.grad, *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize(
    ("name", "side"),
    [("tf_efficientnet_lite0", 33), ("resnet18", 33), ("attending", 16), ("swin_t", 32)],
)
def test_in_pieces_the_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch, name: str, side: int):
    model, images = network(name, side), torch.randn(3, 3, side, side, dtype=torch.double)
    whole = outputs_and_gradients(model, images)
    questions = []
    for piece in (1e20, 1.0):
        asked: list[None] = []
        monkeypatch.setattr(interrupt, "_PIECE", piece)
        with stop_between_layers(model, lambda asked=asked: bool(asked.append(None))):
            again = outputs_and_gradients(model, images)
        questions.append(len(asked))
        assert all(
            torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(whole, again, strict=True)
        )
    assert questions[1] > 1.2 * questions[0], "nothing was done in pieces"


def test_afterwards_the_model_is_as_before():
    model, asked = network("resnet18"), []
    before = [dict(vars(module)) for module in model.modules()]
    with stop_between_layers(model, lambda: bool(asked.append(None))):
        pass
    model(torch.zeros(2, 3, 32, 32, dtype=torch.double))
    assert asked == []
    assert [set(vars(module)) for module in model.modules()] == [set(fields) for fields in before]


@pytest.mark.parametrize("name", ["squeezenet1_1", "attending"])
def test_it_stops_at_any_question(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(interrupt, "_PIECE", 1.0)
    model, images = network(name, 32), torch.randn(2, 3, 32, 32, dtype=torch.double)
    asked: list[None] = []
    with stop_between_layers(model, lambda: bool(asked.append(None))):
        outputs_and_gradients(model, images)
    for last in range(0, len(asked), max(1, len(asked) // 20)):
        with pytest.raises(Cancelled), stop_between_layers(model, after(last)):
            outputs_and_gradients(model, images)


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "mobilenet_v3_small"])
def test_every_layer_with_weights_is_asked_about(name: str):
    """Attention reads its inner layers' weights without calling them: then the layer around it is asked about."""
    model, images, asked = network(name, 32), torch.randn(2, 3, 32, 32, dtype=torch.double), []
    with stop_between_layers(model, lambda: bool(asked.append(None))):
        model(images)
        forward = len(asked)
        model(images).sum().backward()
    layers = [m for m in model.modules() if list(m.parameters(recurse=False))]
    assert forward > 0.6 * len(layers) and len(asked) - 2 * forward > 0.6 * len(layers)


def test_a_network_that_is_being_built_can_be_stopped():
    for last in range(30):  # among the calls are those that turn gradients off and on
        with pytest.raises(Cancelled), stop_between_calls(after(last)):
            build_library_model(get_backbone("resnet18"))
        assert torch.is_grad_enabled()
    with stop_between_calls(lambda: False):
        torch.manual_seed(1)
        watched = build_library_model(get_backbone("resnet18"))
    torch.manual_seed(1)
    alone = build_library_model(get_backbone("resnet18"))
    assert all(
        torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True)
    )


def test_quick_passes_are_asked_about_once_and_slow_ones_in_every_layer_again(
    monkeypatch: pytest.MonkeyPatch,
):
    model, images, asked, now = (
        network("resnet18"),
        torch.randn(2, 3, 32, 32, dtype=torch.double),
        [],
        0.0,
    )
    monkeypatch.setattr(interrupt.time, "monotonic", lambda: now)
    questions = []
    with stop_between_layers(model, lambda: bool(asked.append(None))):
        for took in [0.01] * 8 + [5.0] * 2:
            now += took
            before = len(asked)
            outputs_and_gradients(model, images)
            questions.append(len(asked) - before)
    assert questions[0] == questions[1] > 60
    assert questions[6:8] == [1, 1]
    assert questions[9] == questions[0]


def test_on_cuda_the_model_is_left_alone():
    asked: list[None] = []
    with FakeTensorMode(), torch.device("cuda"):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
        before = [dict(vars(module)) for module in model.modules()]
        with stop_between_layers(model, lambda: bool(asked.append(None))):
            model(torch.zeros(2, 3, 3, 3))
            assert [vars(module) for module in model.modules()] == before
    assert asked == []
