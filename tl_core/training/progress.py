"""How far a run is, and how long it will still take, from the events it yields."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, StageAdvanced, StageStarted
from tl_core.records import Progress

_TRUST_AFTER = 1.0
"""Seconds of a stage before its pace is worth extrapolating."""


class ProgressMeter:
    """Turns events into `Progress`; says no time left where it would be a guess."""

    def __init__(
        self, epochs: int, spent: Mapping[str, float] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`spent` are the seconds in each stage before a run was carried on with."""
        self.seconds = dict(spent or {})
        """Spent in each stage so far."""
        self._epochs, self._clock = epochs, clock
        self._plan: list[dict[str, Any]] = []
        self._epochs_done, self._n_train, self._n_test = 0, 1, 0
        self._seconds_per_image = 0.0
        self._stage, self._started = "", clock()
        self._share_before = 0.0

    def update(self, event: Event) -> Progress | None:
        """Where the run is after `event`; None when that changes nothing to be shown."""
        now = self._clock()
        match event:
            case StageStarted(stage):
                self.close()
                self._stage, self._started, self._share_before = stage, now, self._epochs_done / self._epochs
                return Progress(stage, self._share_before if stage == "training" else 0.0, self._phase())
            case FactsFound(facts):
                splits = facts.get("splits", {})
                self._n_train, self._n_test = splits.get("train", self._n_train), splits.get("test", self._n_test)
                self._plan = facts.get("plan", self._plan)
            case StageAdvanced("training" as stage, done, total):
                detail = f"epoch {self._epochs_done + 1} of {self._epochs}, {done:,} of {total:,} images"
                return Progress(stage, done / total, detail, self._training_left(now, done / total))
            case StageAdvanced(stage, done, total):
                left = self._images_left(now - self._started, done, total)
                return Progress(stage, done / total, self._phase(f"{done:,} of {total:,} images"), left)
            case BatchEnded(epoch, step, total_steps):
                detail = f"epoch {epoch} of {self._epochs}, step {step:,} of {total_steps:,}"
                return Progress(self._stage, step / total_steps, detail, self._training_left(now, step / total_steps))
            case EpochEnded(epoch):
                self._epochs_done = epoch
                if self._stage == "training":  # else an epoch from before the run was carried on with
                    return Progress(self._stage, epoch / self._epochs, f"epoch {epoch} of {self._epochs} done")
        return None

    def close(self) -> None:
        """Book the time of the stage that ends now."""
        self.seconds, self._stage = self.seconds_so_far(), ""

    def seconds_so_far(self) -> dict[str, float]:
        """`seconds`, with what the stage that is going on has taken."""
        so_far = self._clock() - self._started
        return (
            {**self.seconds, self._stage: self.seconds.get(self._stage, 0.0) + so_far} if self._stage else self.seconds
        )

    def _phase(self, detail: str = "") -> str:
        """`detail`, with the phase in front where there are several and each is prepared for."""
        if len(self._plan) < 2 or self._stage != "preparing features":
            return detail
        return f"phase {self._phase_number()} of {len(self._plan)}{', ' * bool(detail)}{detail}"

    def _phase_number(self) -> int:
        return sum(phase["first_epoch"] <= self._epochs_done + 1 for phase in self._plan)

    @property
    def _is_last_phase(self) -> bool:
        return self._phase_number() >= len(self._plan)

    @property
    def _is_all_frozen(self) -> bool:
        """True when only the head learns, in the whole run: beside the preparation that takes no time."""
        stages_and_head = len(self._plan[-1]["rates"]) if self._plan else 0
        return bool(self._plan) and self._plan[-1]["frozen_stages"] == stages_and_head - 1

    def _images_left(self, elapsed: float, done: int, total: int) -> float | None:
        self._seconds_per_image = elapsed / done
        if elapsed < _TRUST_AFTER:
            return None
        if self._stage == "testing":
            return self._seconds_per_image * (total - done)
        if not self._is_all_frozen:
            return None  # nothing is known yet about the pace of training
        return self._seconds_per_image * (total - done + self._n_test)

    def _training_left(self, now: float, share: float) -> float | None:
        """Where `share` of all training is done; nothing is known about the pace of phases to come."""
        elapsed, done = now - self._started, share - self._share_before
        if elapsed < _TRUST_AFTER or done <= 0 or not self._is_last_phase:
            return None
        per_image = self._seconds_per_image or elapsed / (done * self._epochs * self._n_train)
        return elapsed / done * (1 - share) + per_image * self._n_test
