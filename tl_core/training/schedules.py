"""Learning-rate schedules: for every step a factor that multiplies all base learning rates."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tl_core.config import RunConfig, TrainConfig
from tl_core.training.plan import Phase, make_plan, phase_of, segment_of

Curve = Callable[[int], float]
"""Maps a step, counted from 0, to a factor."""

ONE_CYCLE_RISE = 0.3
"""Share of the steps in which the one-cycle schedule rises."""
# torch's defaults: the first rate is a 25th of the peak, the last a 10,000th of the first.
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1 / 25e4
_MAX_PREVIEW_POINTS = 400
_STEPS_AVERAGED_PER_EPOCH = 25


class Schedule:
    """Learning-rate schedule that is known before training; steps count from 0."""

    def __init__(self, curve: Curve) -> None:
        self._curve = curve

    def factor(self, step: int) -> float:
        """Return the factor for the base learning rates in `step`, 0 < factor <= 1."""
        return self._curve(step)

    def after_epoch(self, val_loss: float) -> None:
        """Take an epoch's validation loss into account; only `Plateau` does."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume from, as plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from the result of `state_dict`."""


class Plateau(Schedule):
    """Multiplies the rate by `decay` after more than `patience` epochs without a lower loss."""

    def __init__(self, decay: float, patience: int) -> None:
        super().__init__(lambda step: self._factor)
        self._decay = decay
        self._patience = patience
        self._factor = 1.0
        self._best = math.inf
        self._bad_epochs = 0

    def after_epoch(self, val_loss: float) -> None:
        if val_loss < self._best:
            self._best = val_loss
            self._bad_epochs = 0
            return
        self._bad_epochs += 1
        if self._bad_epochs > self._patience:
            self._factor *= self._decay
            self._bad_epochs = 0

    def state_dict(self) -> dict[str, Any]:
        return {"factor": self._factor, "best": self._best, "bad_epochs": self._bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._factor = state["factor"]
        self._best = state["best"]
        self._bad_epochs = state["bad_epochs"]


def make_schedule(train: TrainConfig, steps_per_epoch: int, epochs: int) -> Schedule:
    """Return the schedule that `train` selects, over the `epochs` of one segment (`segment_of`)."""
    total = steps_per_epoch * epochs
    if train.schedule == "plateau":
        return Plateau(train.decay, train.plateau_patience)
    if train.schedule == "one-cycle":
        return Schedule(_clamped(_one_cycle(total), total))
    warm_up = max(1, round(total * train.warm_up)) if train.warm_up else 0
    curve = _curve(train, steps_per_epoch, total - warm_up)
    return Schedule(_clamped(_with_warm_up(curve, warm_up), total))


def _clamped(curve: Curve, total: int) -> Curve:
    """Hold the last value of `curve` beyond its end, where a cosine would rise again."""
    return lambda step: curve(min(step, total - 1))


def _with_warm_up(curve: Curve, warm_up: int) -> Curve:
    """Put a linear rise to 1 over `warm_up` steps in front of `curve`."""
    # Counted from 1, as a rate of 0 would waste the first step.
    return lambda step: (step + 1) / warm_up if step < warm_up else curve(step - warm_up)


def _curve(train: TrainConfig, steps_per_epoch: int, total: int) -> Curve:
    if train.schedule == "step":
        return lambda step: train.decay ** (step // (train.step_epochs * steps_per_epoch))
    if train.schedule == "exponential":
        return lambda step: train.decay ** (step / steps_per_epoch)
    if train.schedule == "cosine":
        # Divided by the number of steps, so that the last one still has a rate above 0.
        return lambda step: _cosine(1.0, 0.0, step / max(1, total))
    return lambda step: 1.0


def _one_cycle(total: int) -> Curve:
    """Return Smith's one-cycle policy as in torch's `OneCycleLR`, without its momentum cycle."""
    last = total - 1
    # As in `OneCycleLR`, the peak is at step 0.3 * total - 1, which need not be a whole number.
    peak = max(0.0, ONE_CYCLE_RISE * total - 1)

    def curve(step: int) -> float:
        if step < peak:
            return _cosine(ONE_CYCLE_START, 1.0, step / peak)
        if peak < last:
            return _cosine(1.0, ONE_CYCLE_END, (step - peak) / (last - peak))
        return 1.0

    return curve


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def preview_schedule(config: RunConfig, steps_per_epoch: int) -> list[tuple[float, float]]:
    """Return (epochs passed, learning rate of the head) over the run, at some hundred points.

    A plateau schedule depends on losses still to come and is shown without any drop.
    """
    points = []
    plan = make_plan(config)
    for first, last, schedule in _segments(config, plan, steps_per_epoch):
        rate = phase_of(plan, first).rates[-1]
        steps = (last - first + 1) * steps_per_epoch
        stride = math.ceil(steps / _MAX_PREVIEW_POINTS)
        for step in sorted({*range(0, steps, stride), steps - 1}):
            epochs = first - 1 + step / steps_per_epoch
            points.append((epochs, rate * schedule.factor(step)))
        # Drawn to the end of its segment, where the next one may begin at another rate.
        points.append((float(last), rate * schedule.factor(steps - 1)))
    return points


def rates_by_epoch(config: RunConfig, steps_per_epoch: int) -> list[float]:
    """Return the head's mean learning rate in every epoch, averaged over at most 25 steps."""
    rates = []
    plan = make_plan(config)
    stride = math.ceil(steps_per_epoch / _STEPS_AVERAGED_PER_EPOCH)
    for first, last, schedule in _segments(config, plan, steps_per_epoch):
        for epoch in range(first, last + 1):
            begin = (epoch - first) * steps_per_epoch
            steps = range(begin, begin + steps_per_epoch, stride)
            factors = [schedule.factor(step) for step in steps]
            rates.append(phase_of(plan, epoch).rates[-1] * sum(factors) / len(factors))
    return rates


def _segments(
    config: RunConfig, plan: tuple[Phase, ...], steps_per_epoch: int
) -> Iterator[tuple[int, int, Schedule]]:
    """Yield (first epoch, last epoch, schedule) of each segment of the run."""
    # A set, because phases can share one schedule.
    segments = {segment_of(plan, config.train, phase.first_epoch) for phase in plan}
    for first, last in sorted(segments):
        yield first, last, make_schedule(config.train, steps_per_epoch, last - first + 1)
