"""The loop learns, counts, keeps order, gives the same numbers for the same seed, and notices when it diverges."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tl_core.errors import Diverged
from tl_core.events import BatchEnded, EpochEnded
from tl_core.features import FeatureExamples
from tl_core.training import Device, fit
from tl_core.training.optimizers import make_schedule

CPU = Device(torch.device("cpu"), "CPU")


def clouds(n: int, batch_size: int = 4, spread: float = 0.3, seed: int = 0) -> FeatureExamples:
    """Three clouds of points in five dimensions, apart from each other when `spread` is small."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    points = torch.eye(5)[labels] + spread * torch.randn(n, 5, generator=generator)
    return FeatureExamples(points[None], labels, range(n), batch_size, CPU.torch_device, seed)


def run_fit(
    train: FeatureExamples, val: FeatureExamples, epochs: int, rate: float = 0.5
) -> list[BatchEnded | EpochEnded]:
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    steps = math.ceil(len(train) / train.batch_size)
    return list(
        fit(
            model,
            train,
            val,
            epochs=epochs,
            steps_per_epoch=steps,
            optimizer=optimizer,
            schedule=make_schedule(optimizer, steps * epochs),
            device=CPU,
        )
    )


def test_the_loss_goes_down_on_what_can_be_told_apart():
    epochs = [event for event in run_fit(clouds(30), clouds(15, seed=1), 5) if isinstance(event, EpochEnded)]
    assert epochs[-1].train_loss < 0.5 * epochs[0].train_loss
    assert epochs[-1].val_loss < epochs[0].val_loss
    assert epochs[-1].val_accuracy == 1.0


@given(n=st.integers(1, 20), batch_size=st.integers(1, 25), epochs=st.integers(1, 4), n_val=st.integers(1, 9))
def test_events_come_in_order_and_count_every_image(n: int, batch_size: int, epochs: int, n_val: int):
    events = run_fit(clouds(n, batch_size), clouds(n_val, batch_size), epochs)
    steps = math.ceil(n / batch_size)
    kinds = [type(event).__name__ for event in events]
    assert kinds == (["BatchEnded"] * steps + ["EpochEnded"]) * epochs
    batches = [event for event in events if isinstance(event, BatchEnded)]
    assert [event.step for event in batches] == list(range(1, steps * epochs + 1))
    assert {event.total_steps for event in batches} == {steps * epochs}
    for number, end in enumerate((event for event in events if isinstance(event, EpochEnded)), start=1):
        own = [event for event in batches if event.epoch == number]
        assert (end.epoch, end.step) == (number, own[-1].step)
        assert end.train_n == sum(event.n for event in own) == n
        assert end.train_loss == pytest.approx(sum(event.loss * event.n for event in own) / n)
        assert [p.position for p in end.val_predictions] == list(range(n_val))
        assert end.val_accuracy == pytest.approx(sum(p.is_right for p in end.val_predictions) / n_val)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_numbers(seed: int):
    assert run_fit(clouds(10, seed=seed), clouds(5), 2) == run_fit(clouds(10, seed=seed), clouds(5), 2)


def test_another_seed_shows_the_images_in_another_order():
    train = clouds(12)
    orders = {
        tuple(p for batch in examples.epoch(epoch) for p in batch.positions)
        for examples in (train, FeatureExamples(train.activations, train.labels, range(12), 4, CPU.torch_device, 1))
        for epoch in (1, 2)
    }
    assert len(orders) == 4 and all(sorted(order) == list(range(12)) for order in orders)


@given(spread=st.floats(0.2, 2), rate=st.floats(0.1, 20), seed=st.integers(0, 99))
def test_an_epoch_is_best_when_none_before_it_was_as_good(spread: float, rate: float, seed: int):
    try:
        events = run_fit(clouds(12, spread=spread, seed=seed), clouds(9, spread=spread, seed=seed + 1), 4, rate)
    except Diverged:
        return
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    scores = [(event.val_accuracy, -event.val_loss) for event in epochs]
    so_far = [None, *itertools.accumulate(scores, max)]
    assert [e.is_best for e in epochs] == [best is None or s > best for s, best in zip(scores, so_far, strict=False)]


@pytest.mark.parametrize(("scale", "rate"), [(1e20, 1e20), (math.nan, 0.1)])
def test_a_loss_that_is_no_number_ends_it_with_a_sentence(scale: float, rate: float):
    train = clouds(12)
    broken = FeatureExamples(train.activations * scale, train.labels, range(12), 4, CPU.torch_device)
    with pytest.raises(Diverged, match=r"^The loss stopped being a number in epoch 1: choose a smaller learning rate"):
        run_fit(broken, clouds(3), 2, rate)


def test_divergence_that_only_validation_shows_is_noticed():
    train, val = clouds(3), clouds(3)
    broken = FeatureExamples(val.activations * math.inf, val.labels, range(3), 4, CPU.torch_device)
    with pytest.raises(Diverged):
        run_fit(train, broken, 1)
