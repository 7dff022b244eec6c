"""L2-SP penalty, early stopping and the moving average of the weights."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tl_core.training.regularisers import Average, EarlyStopping, PullToStart

losses = st.lists(st.sampled_from([0.5, 0.6, 0.65, 0.7, 0.8, math.inf, math.nan]), max_size=20)


def a_network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def move(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))


@given(strength=st.floats(0.001, 1), seed=st.integers(0, 999))
def test_the_pull_is_the_gradient_of_the_l2_sp_penalty(strength: float, seed: int):
    network = a_network(seed)
    start = [parameter.detach().clone() for parameter in network.parameters()]
    pull = PullToStart(network.parameters(), strength)
    move(network)
    pairs = zip(network.parameters(), start, strict=True)
    distance = sum((parameter - origin).square().sum() for parameter, origin in pairs)
    expected = torch.autograd.grad(strength / 2 * distance, list(network.parameters()))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    pull.add_gradients()
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_frozen_weights_are_not_pulled():
    network = a_network()
    pull = PullToStart(network.parameters(), 1.0)
    move(network)
    network[0].requires_grad_(False)
    network(torch.randn(5, 3)).sum().backward()
    pull.add_gradients()
    assert network[0].weight.grad is None and network[2].weight.grad is not None


def test_a_resumed_pull_leads_to_the_original_start():
    network = a_network()
    pull = PullToStart(network.parameters(), 0.5)
    move(network)
    later = PullToStart(network.parameters(), 0.5)
    later.load_state_dict(pull.state_dict())
    gradients = []
    for one in (pull, later):
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        one.add_gradients()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert gradients[0][0].abs().max() > 0


@given(losses=losses, patience=st.integers(1, 5), min_delta=st.sampled_from([0.0, 0.1]))
def test_training_stops_after_patience_epochs_without_a_better_loss(
    losses: list[float], patience: int, min_delta: float
):
    stopping = EarlyStopping(patience, min_delta)
    best = math.inf
    since = 0
    for loss in losses:
        better = loss < best - min_delta
        best, since = (loss, 0) if better else (best, since + 1)
        assert stopping.update(loss) is (since >= patience)


@given(losses=losses)
def test_without_patience_training_never_stops_early(losses: list[float]):
    stopping = EarlyStopping(0, 0.5)
    assert not any(stopping.update(loss) for loss in losses)


@given(losses=losses, cut=st.integers(0, 20))
def test_early_stopping_resumes_from_its_state(losses: list[float], cut: int):
    through, before, after = (EarlyStopping(3, 0.05) for _ in range(3))
    expected = [through.update(loss) for loss in losses]
    first = [before.update(loss) for loss in losses[:cut]]
    after.load_state_dict(before.state_dict())
    assert first + [after.update(loss) for loss in losses[cut:]] == expected


@settings(max_examples=15)
@given(decay=st.floats(0.1, 0.99), steps=st.integers(1, 6))
def test_each_update_keeps_the_share_decay_of_the_average(decay: float, steps: int):
    network = a_network()
    average = Average(network, decay)
    expected = None
    for _ in range(steps):
        move(network)
        # A forward pass updates the statistics of BatchNorm.
        network(torch.randn(8, 3))
        now = [*network.parameters(), network[1].running_mean, network[1].running_var]
        if expected is None:
            expected = [tensor.detach().clone() for tensor in now]
        else:
            expected = [
                decay * e + (1 - decay) * t.detach() for e, t in zip(expected, now, strict=True)
            ]
        average.update()
    copy = average.module
    averaged = [*copy.parameters(), copy[1].running_mean, copy[1].running_var]
    for tensor, value in zip(averaged, expected, strict=True):
        torch.testing.assert_close(tensor.detach(), value)


def test_averaging_does_not_change_the_model():
    network = a_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    average = Average(network, 0.9)
    average.update()
    move(average.module)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_frozen_weights_are_shared_and_not_stored():
    network = a_network()
    network[0].requires_grad_(False)
    average = Average(network, 0.9)
    assert average.module[0].weight is network[0].weight
    assert average.module[2].weight is not network[2].weight
    kept = {name for name in average.state_dict() if name.startswith("module.")}
    assert "module.2.weight" in kept and "module.1.running_mean" in kept
    assert not any(name.startswith("module.0.") for name in kept)


def test_an_average_resumes_from_its_state():
    network = a_network()
    average = Average(network, 0.9)
    average.update()
    move(network)
    later = Average(network, 0.9)
    later.load_state_dict(average.state_dict())
    for one in (average, later):
        one.update()
    first = average.module.state_dict()
    second = later.module.state_dict()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
