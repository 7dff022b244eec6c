"""Optimizers: parameter groups, learning rates, and descent with every update rule."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tl_core.backbones import (
    TransferModel,
    build_library_model,
    build_model,
    freeze,
    get_backbone,
    parameters_by_part,
)
from tl_core.config import RunConfig, TrainConfig, make_run_config
from tl_core.config.training import OptimizerName
from tl_core.training.optimizers import (
    DEFAULT_LEARNING_RATES,
    OPTIMIZER_SENTENCES,
    learning_rates,
    make_optimizer,
    set_learning_rates,
    steps_per_epoch,
)
from tl_core.training.plan import Phase, make_plan
from tl_core.training.schedules import make_schedule

NAMES = get_args(OptimizerName)
names = st.sampled_from(NAMES)
rates = st.none() | st.floats(1e-6, 10)


def tiny(config: RunConfig) -> TransferModel:
    """Return the config's network on the meta device, without memory for its weights."""
    backbone = get_backbone(config.model.backbone)
    with torch.device("meta"):
        return build_model(backbone, config.model, 3, build_library_model(backbone))


def a_config(frozen: int, **train) -> RunConfig:
    return make_run_config(
        "any", {"backbone": "squeezenet1_1", "frozen_stages": frozen, "hidden_units": 4, **train}
    )


@given(head=rates, backbone=rates, name=names, pretrained=st.booleans())
def test_chosen_rates_are_used_and_others_have_defaults(
    head: float | None, backbone: float | None, name: str, pretrained: bool
):
    train = TrainConfig(learning_rate=head, backbone_learning_rate=backbone, optimizer=name)
    used_head, used_backbone = learning_rates(train, pretrained)
    assert used_head == (DEFAULT_LEARNING_RATES[name] if head is None else head)
    default = used_head * (0.1 if pretrained else 1)
    assert used_backbone == (default if backbone is None else backbone)


@settings(max_examples=30)
@given(
    name=names,
    frozen=st.integers(-3, 0),
    decay=st.sampled_from([0.0, 0.125]),
    layer_decay=st.floats(0.1, 1),
)
def test_every_trainable_weight_moves_at_its_own_rate(
    name: str, frozen: int, decay: float, layer_decay: float
):
    config = a_config(
        frozen, optimizer=name, weight_decay=decay, layer_decay=layer_decay, batch_norm="frozen"
    )
    model = tiny(config)
    (phase,) = make_plan(config)
    freeze(model, phase.frozen)
    optimizer = make_optimizer(config.train, model, phase.rates)
    assigned = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(assigned) == len(set(assigned))
    assert set(assigned) == {id(p) for p in model.parameters() if p.requires_grad}
    parts = parameters_by_part(model)
    for group in optimizer.param_groups:
        index = len(parts) - 1 if group["part"] == "head" else group["part"]
        assert group["base_lr"] == phase.rates[index] > 0
        for parameter in group["params"]:
            assert any(parameter is own for own in parts[index])
            assert group["weight_decay"] == (decay if parameter.ndim > 1 else 0)


@settings(max_examples=30)
@given(
    name=names,
    unfreeze=st.sampled_from(["never", "two-phase", "gradual"]),
    schedule=st.sampled_from(["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]),
    per_epoch=st.integers(1, 5),
)
def test_at_every_step_each_group_has_its_planned_rate_times_the_factor(
    name: str, unfreeze: str, schedule: str, per_epoch: int
):
    config = a_config(
        -2, optimizer=name, unfreeze=unfreeze, schedule=schedule, epochs=5, head_epochs=2
    )
    model = tiny(config)
    course = make_schedule(config.train, per_epoch, 5)
    for phase in make_plan(config):
        freeze(model, phase.frozen)
        optimizer = make_optimizer(config.train, model, phase.rates)
        expected = {
            i
            for i, rate in enumerate(phase.rates[:-1])
            if rate and any(p.requires_grad for p in parameters_by_part(model)[i])
        }
        assert {group["part"] for group in optimizer.param_groups} == {*expected, "head"}
        for step in range((phase.first_epoch - 1) * per_epoch, phase.last_epoch * per_epoch):
            factor = course.factor(step)
            set_learning_rates(optimizer, factor)
            for group in optimizer.param_groups:
                rate = phase.rates[-1 if group["part"] == "head" else group["part"]]
                assert group["lr"] == pytest.approx(rate * factor)


class Slope(nn.Module):
    """Stand-in for a model: a linear head without stages, whose loss is convex."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        self.head = nn.Linear(4, 3)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.head.parameters():
            nn.init.normal_(parameter, generator=generator)
        self.inputs = torch.randn(20, 4, generator=generator)
        self.labels = torch.randint(3, (20,), generator=generator)

    def loss(self) -> Tensor:
        return nn.functional.cross_entropy(self.head(self.inputs), self.labels)


def downhill(train: TrainConfig, seed: int, steps: int) -> tuple[float, float]:
    """Return the convex loss before and after `steps` steps at a constant rate."""
    model = Slope(seed)
    phase = Phase(1, 1, frozen=None, rates=(learning_rates(train, True)[0],))
    optimizer = make_optimizer(train, model, phase.rates)
    before = float(model.loss().detach())
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss().backward()
        optimizer.step()
    return before, float(model.loss().detach())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_every_rule_lowers_a_convex_loss_at_its_default_rate(name: str, seed: int):
    before, after = downhill(TrainConfig(optimizer=name, weight_decay=0), seed, 20)
    assert after < before


@pytest.mark.parametrize("name", ["gd", "sgd", "momentum", "nesterov"])
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_without_momentum_all_variants_of_sgd_take_the_same_steps(name: str, seed: int):
    train = TrainConfig(optimizer=name, learning_rate=0.1, momentum=0)
    plain = TrainConfig(optimizer="sgd", learning_rate=0.1)
    assert downhill(train, seed, 5) == downhill(plain, seed, 5)


def test_different_rules_take_different_steps():
    losses = {
        name: downhill(TrainConfig(optimizer=name, learning_rate=0.01), 0, 5)[1] for name in NAMES
    }
    assert losses.pop("gd") == losses["sgd"] and len(set(losses.values())) == len(losses)


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_has_a_default_rate_and_one_sentence(name: str):
    assert 0 < DEFAULT_LEARNING_RATES[name] < 1
    sentence = OPTIMIZER_SENTENCES[name]
    assert sentence.endswith(".") and sentence[0].isupper() and ". " not in sentence


@given(n=st.integers(1, 5000), batch=st.integers(1, 300), accumulate=st.integers(1, 20))
def test_an_epoch_has_one_step_per_accumulated_batches(n: int, batch: int, accumulate: int):
    train = TrainConfig(batch_size=batch, accumulate=accumulate)
    assert steps_per_epoch(train, n) == math.ceil(n / (batch * accumulate))
    assert steps_per_epoch(train.model_copy(update={"optimizer": "gd"}), n) == 1
