"""Training loop: it learns, counts, is reproducible from its seed, and notices divergence."""

import itertools
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tl_core.config import TrainConfig
from tl_core.errors import Diverged, OutOfMemory
from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, StageAdvanced
from tl_core.features import FeatureExamples
from tl_core.training import Device, Learner, fit
from tl_core.training.losses import make_loss
from tl_core.training.regularisers import Average, EarlyStopping, PullToStart
from tl_core.training.schedules import make_schedule

CPU = Device(torch.device("cpu"), "CPU")
HALF = Device(torch.device("cpu"), "CPU", torch.float16)


def clouds(
    n: int, batch_size: int = 4, spread: float = 0.3, seed: int = 0, balance: bool = False
) -> FeatureExamples:
    """Three clouds of points in five dimensions, apart from each other when `spread` is small."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    points = torch.eye(5)[labels] + spread * torch.randn(n, 5, generator=generator)
    return FeatureExamples(
        points[None], labels, range(n), batch_size, CPU.torch_device, seed, balance
    )


def make_learner(model: nn.Module, steps: int, epochs: int, rate: float = 0.5, **more) -> Learner:
    groups = [{"params": list(model.parameters()), "part": "head", "base_lr": rate}]
    return Learner(
        model=model,
        optimizer=torch.optim.SGD(groups, lr=rate, momentum=0.5),
        schedule=make_schedule(TrainConfig(), steps, epochs),
        loss=more.pop("loss", nn.functional.cross_entropy),
        device=more.pop("device", CPU),
        images_per_step=more.pop("images_per_step", 4),
        **more,
    )


def run_fit(
    train: FeatureExamples,
    val: FeatureExamples,
    epochs: int,
    model: nn.Module | None = None,
    **more,
) -> list[Event]:
    torch.manual_seed(0)
    model = model or nn.Linear(5, 3)
    more.setdefault("images_per_step", train.batch_size)
    learner = make_learner(model, math.ceil(len(train) / more["images_per_step"]), epochs, **more)
    return list(fit(model, train, val, learner, epochs=range(1, epochs + 1), total_epochs=epochs))


def linear(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(5, 3)


def epochs_of(events: list[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


def test_the_loss_falls_on_separable_classes():
    epochs = epochs_of(run_fit(clouds(30), clouds(15, seed=1), 5))
    assert epochs[-1].train_loss < 0.5 * epochs[0].train_loss
    assert epochs[-1].val_loss < epochs[0].val_loss
    assert epochs[-1].val_accuracy == 1.0


@settings(max_examples=20)
@given(
    n=st.integers(1, 20),
    batch_size=st.integers(1, 25),
    accumulate=st.integers(1, 4),
    epochs=st.integers(1, 4),
    n_val=st.integers(1, 9),
)
def test_events_come_in_order_and_count_every_image(
    n: int, batch_size: int, accumulate: int, epochs: int, n_val: int
):
    a_step = batch_size * accumulate
    events = run_fit(
        clouds(n, batch_size), clouds(n_val, batch_size), epochs, images_per_step=a_step
    )
    steps = math.ceil(n / a_step)
    kinds = [type(event).__name__ for event in events if not isinstance(event, StageAdvanced)]
    assert kinds == (["BatchEnded"] * steps + ["EpochEnded"]) * epochs
    batches = [event for event in events if isinstance(event, BatchEnded)]
    assert [event.step for event in batches] == list(range(1, steps * epochs + 1))
    assert {event.total_steps for event in batches} == {steps * epochs}
    for number, end in enumerate(epochs_of(events), start=1):
        own = [event for event in batches if event.epoch == number]
        assert (end.epoch, end.step) == (number, own[-1].step)
        rest = [n % a_step] if n % a_step else []
        assert [event.n for event in own] == [a_step] * (n // a_step) + rest
        assert end.train_n == n
        assert end.train_loss == pytest.approx(sum(event.loss * event.n for event in own) / n)
        assert [p.position for p in end.val_predictions] == list(range(n_val))
        n_right = sum(p.is_right for p in end.val_predictions)
        assert end.val_accuracy == pytest.approx(n_right / n_val)


@settings(max_examples=20)
@given(n=st.integers(2, 30), batch_size=st.integers(1, 9), accumulate=st.integers(2, 5))
def test_accumulated_mini_batches_equal_one_large_batch(n: int, batch_size: int, accumulate: int):
    a_step = batch_size * accumulate
    model = linear()
    at_once = linear()
    events = run_fit(
        clouds(n, batch_size), clouds(5), 2, model, images_per_step=a_step, clip_norm=0.3
    )
    expected = run_fit(clouds(n, a_step), clouds(5), 2, at_once, clip_norm=0.3)
    assert torch.allclose(model.weight, at_once.weight, atol=1e-6)
    for one, other in zip(epochs_of(events), epochs_of(expected), strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_numbers(seed: int):
    first, second = (run_fit(clouds(10, seed=seed), clouds(5), 2) for _ in range(2))
    assert first == second


def test_another_seed_shows_the_images_in_another_order():
    train = clouds(12)
    other = FeatureExamples(train.activations, train.labels, range(12), 4, CPU.torch_device, 1)
    orders = {
        tuple(p for batch in examples.epoch(epoch) for p in batch.positions)
        for examples in (train, other)
        for epoch in (1, 2)
    }
    assert len(orders) == 4 and all(sorted(order) == list(range(12)) for order in orders)


@settings(max_examples=20)
@given(spread=st.floats(0.2, 2), rate=st.floats(0.1, 20), seed=st.integers(0, 99))
def test_an_epoch_is_best_when_none_before_it_was_as_good(spread: float, rate: float, seed: int):
    try:
        train, val = (clouds(n, spread=spread, seed=seed + i) for i, n in enumerate((12, 9)))
        epochs = epochs_of(run_fit(train, val, 4, rate=rate))
    except Diverged:
        return
    scores = [(event.val_accuracy, -event.val_loss) for event in epochs]
    so_far = [None, *itertools.accumulate(scores, max)]
    assert [e.is_best for e in epochs] == [
        best is None or s > best for s, best in zip(scores, so_far, strict=False)
    ]


@pytest.mark.parametrize(("scale", "rate"), [(1e20, 1e20), (math.nan, 0.1)])
def test_a_loss_that_is_not_finite_raises_a_readable_error(scale: float, rate: float):
    train = clouds(12)
    broken = FeatureExamples(
        train.activations * scale, train.labels, range(12), 4, CPU.torch_device
    )
    message = r"^The loss stopped being a number in epoch 1: choose a smaller learning rate"
    with pytest.raises(Diverged, match=message):
        run_fit(broken, clouds(3), 2, rate=rate)


def test_divergence_in_validation_alone_is_noticed():
    train = clouds(3)
    val = clouds(3)
    broken = FeatureExamples(val.activations * math.inf, val.labels, range(3), 4, CPU.torch_device)
    with pytest.raises(Diverged):
        run_fit(train, broken, 1)


def test_the_validation_loss_is_plain_cross_entropy_for_any_training_loss():
    odd = make_loss(
        TrainConfig(loss="focal", label_smoothing=0.3, class_balance="weights"),
        [4, 4, 4],
        CPU.torch_device,
    )
    [end] = epochs_of(run_fit(clouds(12), clouds(9), 1, model := linear(), loss=odd))
    logits = model(clouds(9).activations[0])
    labels = clouds(9).labels
    assert end.val_loss == pytest.approx(
        float(nn.functional.cross_entropy(logits, labels).detach()), rel=1e-5
    )
    assert end.train_loss != pytest.approx(end.val_loss)


def test_mixed_images_have_no_accuracy():
    def swap(inputs: torch.Tensor, labels: torch.Tensor, *, generator: torch.Generator) -> tuple:
        share = torch.rand((), generator=generator)
        one_hot = nn.functional.one_hot(labels, 3).float()
        return inputs.lerp(inputs.flip(0), share), one_hot.lerp(one_hot.flip(0), share)

    events = run_fit(clouds(12), clouds(6), 2, mix=swap)
    assert [end.train_accuracy for end in epochs_of(events)] == [None, None]
    assert events == run_fit(clouds(12), clouds(6), 2, mix=swap)
    assert events[0].loss != run_fit(clouds(12), clouds(6), 2)[0].loss


def test_gradients_are_clipped_to_the_maximum_norm():
    model = linear()
    before = model.weight.detach().clone(), model.bias.detach().clone()
    run_fit(clouds(4), clouds(3), 1, model, clip_norm=1e-3, rate=1.0)
    moved = torch.cat([(model.weight - before[0]).flatten(), model.bias - before[1]]).norm()
    assert float(moved.detach()) == pytest.approx(1e-3, rel=1e-3)


def test_l2_sp_keeps_the_weights_nearer_to_their_start():
    moved = []
    for strength in (0.0, 0.5):
        model = linear()
        start = model.weight.detach().clone()
        run_fit(clouds(12), clouds(3), 4, model, pull=PullToStart(model.parameters(), strength))
        moved.append(float((model.weight - start).norm().detach()))
    assert moved[1] < 0.8 * moved[0]


def test_validation_uses_the_averaged_weights():
    model = linear()
    average = Average(model, 0.9)
    learner = make_learner(model, 3, 4, average=average)
    epochs = {"epochs": range(1, 5), "total_epochs": 4}
    events = fit(model, clouds(12), clouds(9), learner, **epochs, judged=average.module)
    ends = epochs_of(list(events))
    logits = average.module(clouds(9).activations[0])
    labels = clouds(9).labels
    assert ends[-1].val_loss == pytest.approx(
        float(nn.functional.cross_entropy(logits, labels).detach()), rel=1e-5
    )
    assert not torch.equal(average.module.weight, model.weight)


@settings(max_examples=20)
@given(patience=st.integers(1, 3), epochs=st.integers(1, 12))
def test_training_ends_when_the_validation_loss_stops_falling(patience: int, epochs: int):
    """At this learning rate the loss goes up and down."""
    stopping = EarlyStopping(patience)
    ends = epochs_of(
        run_fit(
            clouds(9, spread=2), clouds(9, spread=2, seed=7), epochs, rate=4.0, stopping=stopping
        )
    )
    losses = [end.val_loss for end in ends]
    bad = [
        all(loss >= min(losses[:i]) for loss in losses[i : i + patience])
        for i in range(1, len(losses))
    ]
    stops = [
        i + patience
        for i, is_bad in enumerate(bad, start=1)
        if is_bad and i + patience <= len(losses)
    ]
    assert len(ends) == min([epochs, *stops])


def test_the_reported_learning_rate_is_that_of_the_last_step():
    ends = epochs_of(run_fit(clouds(8), clouds(3), 3, rate=0.5))
    schedule = make_schedule(TrainConfig(), 2, 3)
    assert [end.learning_rate for end in ends] == pytest.approx(
        [0.5 * schedule.factor(step) for step in (1, 3, 5)]
    )


@settings(max_examples=20)
@given(n=st.integers(3, 40), seed=st.integers(0, 9), number=st.integers(1, 9))
def test_balanced_epochs_show_classes_equally_often_and_as_many_images(
    n: int, seed: int, number: int
):
    labels = torch.tensor([0] * (10 * n) + [1] * n)
    examples = FeatureExamples(
        labels[None, :, None].float(), labels, range(11 * n), 8, CPU.torch_device, seed, True
    )
    shown = torch.cat([batch.labels for batch in examples.epoch(number)])
    assert len(shown) == 11 * n
    assert 0.2 < float(shown.float().mean()) < 0.8
    again = torch.cat([batch.labels for batch in examples.epoch(number)])
    assert torch.equal(shown, again)


class Tight(nn.Module):
    """Network whose backward pass runs out of memory above `room` images."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.inner = linear()
        self.room = room

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs = self.inner(inputs)
        if self.training:
            outputs.register_hook(partial(self._refuse, len(inputs)))
        return outputs

    def _refuse(self, n: int, _gradient: torch.Tensor) -> None:
        if n > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")


@settings(max_examples=8)
@given(n=st.integers(2, 40), room=st.integers(1, 20), accumulate=st.integers(1, 3))
def test_when_memory_runs_short_each_step_still_sees_its_images(n: int, room: int, accumulate: int):
    tight = Tight(room)
    roomy = Tight(100)
    data = (clouds(n, 16), clouds(5))
    a_step = 16 * accumulate
    events = run_fit(*data, 2, tight, images_per_step=a_step)
    expected = run_fit(*data, 2, roomy, images_per_step=a_step)
    assert torch.allclose(tight.inner.weight, roomy.inner.weight, atol=1e-6)
    told = [
        [e for e in side if isinstance(e, BatchEnded | EpochEnded)] for side in (events, expected)
    ]
    for event, other in zip(*told, strict=True):
        assert type(event) is type(other)
        if isinstance(event, BatchEnded):
            assert event.loss == pytest.approx(other.loss, abs=1e-6) and event.n == other.n
    facts = [event.facts for event in events if isinstance(event, FactsFound)]
    assert bool(facts) is (room < min(n, 16))
    if facts:
        assert facts[-1].micro_batch <= room
        assert facts[0].notes[0].startswith("Memory ran short at ")
        assert facts[0].notes[0].endswith(f"so that each step still sees {a_step}.")


def test_if_not_even_one_image_fits_a_readable_error_is_raised():
    with pytest.raises(OutOfMemory, match="one image at a time"):
        run_fit(clouds(9), clouds(3), 1, Tight(0))


def test_state_can_be_resumed_on_a_device_with_or_without_loss_scaling():
    plain = make_learner(linear(), 3, 1)
    scaling = make_learner(linear(), 3, 1, device=HALF)
    scaling.load_state_dict(plain.state_dict())
    plain.load_state_dict(scaling.state_dict())


def test_validation_uses_the_precision_of_training():
    seen = []

    class Watching(nn.Linear):
        def forward(self, points: torch.Tensor) -> torch.Tensor:
            seen.append((self.training, super().forward(points).dtype))
            return super().forward(points)

    train = clouds(4)
    val = clouds(3)
    device = Device(torch.device("cpu"), "CPU", torch.bfloat16)
    run_fit(train, val, 1, Watching(5, 3), device=device)
    assert seen == [(True, torch.bfloat16), (False, torch.bfloat16)]
