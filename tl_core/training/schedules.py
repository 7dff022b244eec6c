"""How the learning rate changes over a run: a factor for every step, by which all base rates are multiplied."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tl_core.config import RunConfig, TrainConfig
from tl_core.training.plan import make_plan, phase_of, segment_of

Curve = Callable[[int], float]

ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1 / 25e4
_MAX_PREVIEW_POINTS = 400
_STEPS_OF_AN_EPOCH = 25


class Schedule:
    """One course of the learning rate, whose steps count from 0. Most courses are known before they begin."""

    def __init__(self, curve: Curve) -> None:
        self._curve = curve

    def factor(self, step: int) -> float:
        """What the base rates are multiplied by in that step, 0 < factor <= 1."""
        return self._curve(step)

    def after_epoch(self, val_loss: float) -> None:
        """Tell it the validation loss of an epoch that has ended; only `Plateau` listens."""

    def state_dict(self) -> dict[str, Any]:
        """What it has to remember to carry on: plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Carry on from what `state_dict` gave."""


class Plateau(Schedule):
    """Multiplies the rate by `decay` once more than `patience` epochs in a row have brought no better loss."""

    def __init__(self, decay: float, patience: int) -> None:
        super().__init__(lambda step: self._factor)
        self._decay, self._patience = decay, patience
        self._factor, self._best, self._bad_epochs = 1.0, math.inf, 0

    def after_epoch(self, val_loss: float) -> None:
        if val_loss < self._best:
            self._best, self._bad_epochs = val_loss, 0
            return
        self._bad_epochs += 1
        if self._bad_epochs > self._patience:
            self._factor, self._bad_epochs = self._factor * self._decay, 0

    def state_dict(self) -> dict[str, Any]:
        return {"factor": self._factor, "best": self._best, "bad_epochs": self._bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._factor, self._best, self._bad_epochs = (
            state["factor"],
            state["best"],
            state["bad_epochs"],
        )


def make_schedule(train: TrainConfig, steps_per_epoch: int, epochs: int) -> Schedule:
    """The course that `train` asks for, over `epochs` epochs: those of one segment (`segment_of`)."""
    total = steps_per_epoch * epochs
    if train.schedule == "plateau":
        return Plateau(train.decay, train.plateau_patience)
    if train.schedule == "one-cycle":
        return Schedule(_ending_at(total, _one_cycle(total)))
    warm_up = max(1, round(total * train.warm_up)) if train.warm_up else 0
    return Schedule(
        _ending_at(total, _after_warm_up(warm_up, _course(train, steps_per_epoch, total - warm_up)))
    )


def _ending_at(total: int, curve: Curve) -> Curve:
    """Past its end a curve keeps its last value, where a cosine would rise again."""
    return lambda step: curve(min(step, total - 1))


def _after_warm_up(warm_up: int, course: Curve) -> Curve:
    """A straight rise to 1, where `course` begins."""
    return lambda step: (step + 1) / warm_up if step < warm_up else course(step - warm_up)


def _course(train: TrainConfig, steps_per_epoch: int, total: int) -> Curve:
    if train.schedule == "step":
        return lambda step: train.decay ** (step // (train.step_epochs * steps_per_epoch))
    if train.schedule == "exponential":
        return lambda step: train.decay ** (step / steps_per_epoch)
    if train.schedule == "cosine":
        return lambda step: _cosine(1.0, 0.0, step / max(1, total))
    return lambda step: 1.0


def _one_cycle(total: int) -> Curve:
    """Smith's one-cycle policy as torch's `OneCycleLR` has it, the momentum left alone."""
    last = total - 1
    peak = max(0.0, ONE_CYCLE_RISE * total - 1)

    def curve(step: int) -> float:
        if step < peak:
            return _cosine(ONE_CYCLE_START, 1.0, step / peak)
        return _cosine(1.0, ONE_CYCLE_END, (step - peak) / (last - peak)) if last > peak else 1.0

    return curve


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def preview_schedule(config: RunConfig, steps_per_epoch: int) -> list[tuple[float, float]]:
    """(epochs passed, head's learning rate) from start to end, some hundred points at most, for a chart.

    What the plateau schedule will do depends on losses still to come: it is shown as if no drop were needed.
    """
    plan, points = make_plan(config), []
    for first, last in sorted(
        {segment_of(plan, config.train, phase.first_epoch) for phase in plan}
    ):
        epochs = last - first + 1
        schedule = make_schedule(config.train, steps_per_epoch, epochs)
        rate = next(phase.rates[-1] for phase in plan if phase.first_epoch == first)
        steps = epochs * steps_per_epoch
        stride = math.ceil(steps / _MAX_PREVIEW_POINTS)
        shown = sorted({*range(0, steps, stride), steps - 1})
        points += [
            (first - 1 + step / steps_per_epoch, rate * schedule.factor(step)) for step in shown
        ]
        points.append((float(last), rate * schedule.factor(steps - 1)))
    return points


def rates_by_epoch(config: RunConfig, steps_per_epoch: int) -> list[float]:
    """The head's mean learning rate in every epoch, over some steps of it where it has many."""
    plan, rates = make_plan(config), []
    shown = range(0, steps_per_epoch, math.ceil(steps_per_epoch / _STEPS_OF_AN_EPOCH))
    for first, last in sorted(
        {segment_of(plan, config.train, phase.first_epoch) for phase in plan}
    ):
        schedule = make_schedule(config.train, steps_per_epoch, last - first + 1)
        for epoch in range(first, last + 1):
            begun = (epoch - first) * steps_per_epoch
            factors = [schedule.factor(begun + step) for step in shown]
            rates.append(phase_of(plan, epoch).rates[-1] * sum(factors) / len(factors))
    return rates
