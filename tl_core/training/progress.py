"""How far a run is, and how long it will still take, from the events it yields."""

import time
from collections.abc import Callable

from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, StageAdvanced, StageStarted
from tl_core.records import Progress

_TRUST_AFTER = 1.0
"""Seconds of a stage before its pace is worth extrapolating."""


class ProgressMeter:
    """Turns events into `Progress`; says no time left where it would be a guess."""

    def __init__(self, epochs: int, all_frozen: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        """Spent in each stage so far."""
        self._epochs, self._all_frozen, self._clock = epochs, all_frozen, clock
        self._n_test, self._seconds_per_image = 0, 0.0
        self._stage, self._started = "", clock()

    def update(self, event: Event) -> Progress | None:
        """Where the run is after `event`; None when that changes nothing to be shown."""
        now = self._clock()
        match event:
            case StageStarted(stage):
                self.close()
                self._stage, self._started = stage, now
                return Progress(stage, 0.0)
            case FactsFound(facts):
                self._n_test = facts.get("splits", {}).get("test", self._n_test)
            case StageAdvanced(stage, done, total):
                left = self._images_left(now - self._started, done, total)
                return Progress(stage, done / total, f"{done:,} of {total:,} images", left)
            case BatchEnded(epoch, step, total_steps):
                detail = f"epoch {epoch} of {self._epochs}, step {step:,} of {total_steps:,}"
                left = self._steps_left(now - self._started, step, total_steps, event.n)
                return Progress(self._stage, step / total_steps, detail, left)
            case EpochEnded(epoch):
                return Progress(self._stage, epoch / self._epochs, f"epoch {epoch} of {self._epochs} done")
        return None

    def close(self) -> None:
        """Book the time of the stage that ends now."""
        if self._stage:
            self.seconds[self._stage] = self._clock() - self._started

    def _images_left(self, elapsed: float, done: int, total: int) -> float | None:
        self._seconds_per_image = elapsed / done
        if elapsed < _TRUST_AFTER:
            return None
        if self._stage == "testing":
            return self._seconds_per_image * (total - done)
        if not self._all_frozen:
            return None  # nothing is known yet about the pace of training
        return self._seconds_per_image * (total - done + self._n_test)

    def _steps_left(self, elapsed: float, step: int, total_steps: int, batch: int) -> float | None:
        if elapsed < _TRUST_AFTER:
            return None
        per_image = self._seconds_per_image or elapsed / (step * batch)
        return elapsed / step * (total_steps - step) + per_image * self._n_test
