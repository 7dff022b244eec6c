"""Learning-rate schedules: equal to torch's where torch has them, smooth, and never zero."""

import itertools
import math
import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from tl_core.config import TrainConfig, make_run_config
from tl_core.training.optimizers import learning_rates
from tl_core.training.schedules import make_schedule, preview_schedule, rates_by_epoch

NAMES = ["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]
per_epoch = st.integers(1, 40)
epochs = st.integers(1, 12)


def factors(train: TrainConfig, steps_per_epoch: int, epochs: int) -> list[float]:
    schedule = make_schedule(train, steps_per_epoch, epochs)
    return [schedule.factor(step) for step in range(steps_per_epoch * epochs)]


def torchs(make: Callable[[torch.optim.Optimizer], LRScheduler], steps: int) -> list[float]:
    """Return the factors that a scheduler of torch gives."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    used = []
    for _ in range(steps):
        used.append(optimizer.param_groups[0]["lr"])
        with warnings.catch_warnings(action="ignore"):
            optimizer.step()
            scheduler.step()
    return used


@given(name=st.sampled_from(NAMES), warm_up=st.floats(0, 0.99), per_epoch=per_epoch, epochs=epochs)
def test_factors_are_above_zero_and_reach_one_at_most(
    name: str, warm_up: float, per_epoch: int, epochs: int
):
    used = factors(TrainConfig(schedule=name, warm_up=warm_up), per_epoch, epochs)
    assert all(0 < factor <= 1 for factor in used)
    # The peak of one-cycle may lie between two steps, as in torch.
    assert max(used) == pytest.approx(1, abs=0.5 if name == "one-cycle" else 1e-12)


@given(
    name=st.sampled_from(NAMES[:4]),
    warm_up=st.floats(0.001, 0.99),
    per_epoch=per_epoch,
    epochs=epochs,
)
def test_warm_up_is_linear_and_the_factor_only_falls_afterwards(
    name: str, warm_up: float, per_epoch: int, epochs: int
):
    used = factors(TrainConfig(schedule=name, warm_up=warm_up), per_epoch, epochs)
    rise = max(1, round(warm_up * len(used)))
    assert used[:rise] == pytest.approx([(step + 1) / rise for step in range(rise)])
    assert used[rise:] == sorted(used[rise:], reverse=True)


@pytest.mark.parametrize("name", ["constant", "exponential", "cosine", "one-cycle", "plateau"])
@pytest.mark.parametrize("warm_up", [0, 0.1, 0.5])
def test_all_schedules_but_step_are_smooth(name: str, warm_up: float):
    used = factors(TrainConfig(schedule=name, warm_up=warm_up), 100, 10)
    assert all(abs(a - b) <= 0.0101 for a, b in itertools.pairwise(used))
    stepping = factors(TrainConfig(schedule="step", warm_up=warm_up, step_epochs=2), 100, 10)
    assert any(a == 2 * b for a, b in itertools.pairwise(stepping))


@given(total=st.integers(1, 500))
def test_the_default_rises_over_a_tenth_and_falls_along_a_half_cosine(total: int):
    rise = max(1, round(total * 0.1))
    fall = [0.5 * (1 + math.cos(math.pi * step / (total - rise))) for step in range(total - rise)]
    assert factors(TrainConfig(), 1, total) == pytest.approx(
        [(step + 1) / rise for step in range(rise)] + fall
    )


@given(per_epoch=per_epoch, epochs=epochs, decay=st.floats(0.05, 0.95), every=st.integers(1, 5))
def test_without_warm_up_schedules_equal_torchs(
    per_epoch: int, epochs: int, decay: float, every: int
):
    steps = per_epoch * epochs

    def ours(name: str) -> list[float]:
        return factors(
            TrainConfig(schedule=name, warm_up=0, decay=decay, step_epochs=every), per_epoch, epochs
        )

    assert ours("constant") == [1.0] * steps
    assert ours("step") == pytest.approx(
        torchs(lambda o: lr_scheduler.StepLR(o, every * per_epoch, decay), steps)
    )
    assert ours("exponential") == pytest.approx(
        torchs(lambda o: lr_scheduler.ExponentialLR(o, decay ** (1 / per_epoch)), steps)
    )
    # Torch computes its cosine recursively, so that rounding errors add up.
    assert ours("cosine") == pytest.approx(
        torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, steps), steps), abs=1e-9
    )


@given(total=st.integers(4, 400))
def test_one_cycle_equals_torchs(total: int):
    theirs = torchs(
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, total, cycle_momentum=False), total - 1
    )
    assert factors(TrainConfig(schedule="one-cycle"), 1, total)[:-1] == pytest.approx(theirs)


@pytest.mark.parametrize("total", [1, 2, 3])
def test_a_very_short_cycle_still_reaches_one(total: int):
    assert max(factors(TrainConfig(schedule="one-cycle"), 1, total)) == 1


losses = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, math.inf]), max_size=30)


@given(losses=losses, decay=st.floats(0.1, 0.9), patience=st.integers(0, 4))
def test_plateau_equals_torchs(losses: list[float], decay: float, patience: int):
    train = TrainConfig(schedule="plateau", decay=decay, plateau_patience=patience)
    ours = make_schedule(train, 5, 100)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=decay, patience=patience, threshold=0, eps=0
    )
    for loss in losses:
        ours.after_epoch(loss)
        theirs.step(loss)
        assert ours.factor(7) == pytest.approx(optimizer.param_groups[0]["lr"])


@given(losses=losses, cut=st.integers(0, 30), name=st.sampled_from(NAMES))
def test_a_schedule_resumes_from_its_state(losses: list[float], cut: int, name: str):
    train = TrainConfig(schedule=name, plateau_patience=1)
    through, before, after = (make_schedule(train, 3, 30) for _ in range(3))
    for loss in losses:
        through.after_epoch(loss)
    for loss in losses[:cut]:
        before.after_epoch(loss)
    after.load_state_dict(before.state_dict())
    for loss in losses[cut:]:
        after.after_epoch(loss)
    assert all(after.factor(step) == through.factor(step) for step in range(90))


@pytest.mark.parametrize("name", NAMES)
def test_beyond_its_end_a_schedule_keeps_its_last_value(name: str):
    schedule = make_schedule(TrainConfig(schedule=name), 4, 5)
    assert schedule.factor(50) == schedule.factor(19)


@given(
    name=st.sampled_from(NAMES),
    unfreeze=st.sampled_from(["never", "two-phase", "gradual"]),
    epochs=st.integers(2, 40),
    head_epochs=st.integers(1, 39),
    per_epoch=st.integers(1, 200),
)
def test_the_preview_spans_the_run_in_a_few_hundred_points(
    name: str, unfreeze: str, epochs: int, head_epochs: int, per_epoch: int
):
    assume(head_epochs < epochs)
    config = make_run_config(
        "any",
        {"backbone": "resnet18", "frozen_stages": -2, "unfreeze": unfreeze, "schedule": name}
        | {"epochs": epochs, "head_epochs": head_epochs},
    )
    points = preview_schedule(config, per_epoch)
    head = learning_rates(config.train, True)[0]
    passed = [at for at, _ in points]
    assert passed == sorted(passed) and (passed[0], passed[-1]) == (0, epochs)
    assert len(points) < 1000
    courses = [(0, head_epochs, 1.0), (head_epochs, epochs, config.train.fine_tune_rate)]
    for start, end, scale in courses if unfreeze == "two-phase" else [(0, epochs, 1.0)]:
        schedule = make_schedule(config.train, per_epoch, end - start)
        first = scale * head * schedule.factor(0)
        last = scale * head * schedule.factor((end - start) * per_epoch - 1)
        assert first in [rate for at, rate in points if at == start]
        assert last in [rate for at, rate in points if at == end]


@given(
    name=st.sampled_from(["constant", "step", "exponential", "cosine", "one-cycle"]),
    unfreeze=st.sampled_from(["two-phase", "gradual"]),
    epochs=st.integers(2, 12),
    head_epochs=st.integers(1, 11),
    per_epoch=st.integers(1, 25),
)
def test_the_rate_of_an_epoch_is_the_mean_over_its_own_steps(
    name: str, unfreeze: str, epochs: int, head_epochs: int, per_epoch: int
):
    assume(head_epochs < epochs)
    settings = {"backbone": "resnet18", "frozen_stages": -2, "unfreeze": unfreeze, "schedule": name}
    config = make_run_config("any", {**settings, "epochs": epochs, "head_epochs": head_epochs})
    courses = [(head_epochs, 1.0), (epochs - head_epochs, config.train.fine_tune_rate)]
    head = learning_rates(config.train, True)[0]
    expected = []
    for length, scale in courses if unfreeze == "two-phase" else [(epochs, 1.0)]:
        schedule = make_schedule(config.train, per_epoch, length)
        factors = [schedule.factor(step) for step in range(length * per_epoch)]
        expected += [
            scale * head * sum(factors[i : i + per_epoch]) / per_epoch
            for i in range(0, len(factors), per_epoch)
        ]
    assert rates_by_epoch(config, per_epoch) == pytest.approx(expected)
