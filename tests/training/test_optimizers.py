"""Which weights move, how fast, and how that changes over a run."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones import CATALOG, build_library_model, build_model, freeze_stages
from tl_core.config import ModelConfig, TrainConfig
from tl_core.training.optimizers import DEFAULT_LEARNING_RATES, learning_rates, make_optimizer, make_schedule

rates = st.none() | st.floats(1e-6, 10)


@given(total=st.integers(1, 500), start=st.floats(1e-4, 10))
def test_the_rate_rises_then_falls_and_is_never_zero_before_the_end(total: int, start: float):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=start)
    schedule, used = make_schedule(optimizer, total), []
    for _ in range(total):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    top = used.index(max(used))
    assert used[: top + 1] == sorted(used[: top + 1]) and used[top:] == sorted(used[top:], reverse=True)
    assert max(used) == pytest.approx(start) and min(used) > 0
    assert top <= max(1, 0.11 * total + 1)


@given(head=rates, backbone=rates, optimizer=st.sampled_from(["adamw", "sgd"]), pretrained=st.booleans())
def test_what_is_chosen_is_used_and_what_is_not_has_a_default(
    head: float | None, backbone: float | None, optimizer: str, pretrained: bool
):
    config = TrainConfig(learning_rate=head, backbone_learning_rate=backbone, optimizer=optimizer)
    used_head, used_backbone = learning_rates(config, pretrained)
    assert used_head == (DEFAULT_LEARNING_RATES[optimizer] if head is None else head)
    assert used_backbone == (backbone if backbone is not None else used_head * (0.1 if pretrained else 1))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("frozen", [0, 4, 9])
def test_every_trainable_weight_moves_at_its_own_rate(optimizer: str, frozen: int):
    backbone = CATALOG["mobilenet_v2"]
    with torch.device("meta"):
        model = build_model(backbone, ModelConfig(hidden_units=4), 3, build_library_model(backbone))
    freeze_stages(model, frozen)
    config = TrainConfig(optimizer=optimizer, learning_rate=0.5, backbone_learning_rate=0.25, weight_decay=0.125)
    for part in (model, model.split()[1]):
        given_out = make_optimizer(part, model.head, config, pretrained=True)
        settings = {id(p): (g["lr"], g["weight_decay"]) for g in given_out.param_groups for p in g["params"]}
        assert len(settings) == sum(len(g["params"]) for g in given_out.param_groups)
        for name, parameter in model.named_parameters():
            stage = int(name.split(".")[1]) if name.startswith("stages") else None
            if stage is not None and stage < frozen:
                assert id(parameter) not in settings
            else:
                decay = 0.125 if parameter.ndim > 1 else 0
                assert settings[id(parameter)] == (0.5 if stage is None else 0.25, decay), name
