"""How far a run is, and how long it will still take, from the events it yields."""

import time
from collections.abc import Callable, Mapping, Sequence

from tl_core.events import BatchEnded, EpochEnded, Event, FactsFound, StageAdvanced, StageStarted
from tl_core.facts import PlannedPhase, RunFacts
from tl_core.records import Progress
from tl_core.training.testing import n_checked

_MOMENT, _ENOUGH, _LONG = 1.0, 0.05, 5.0
"""A pace is extrapolated after a moment (seconds) in which enough was done (a share), or else after a long time."""
_VALIDATION = 1 / 3
"""Cost of an image that is only looked at, in images that are learned from: a forward pass, and none backward."""


class ProgressMeter:
    """Turns events into `Progress`; says no time left where it would be a guess."""

    def __init__(
        self,
        epochs: int,
        spent: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`spent` are the seconds in each stage before a run was carried on with."""
        self.seconds = dict(spent or {})
        """Spent in each stage so far."""
        self._epochs, self._clock = epochs, clock
        self._plan: tuple[PlannedPhase, ...] = ()
        self._epochs_done, self._n_train, self._n_val, self._n_test, self._n_checked = 0, 1, 0, 0, 0
        self._seconds_per_image = 0.0
        self._stage, self._started = "", clock()
        self._first: tuple[float, float] | None = None
        """When this stage first told that something was done, and how much of all: before that it only began."""

    def update(self, event: Event) -> Progress | None:
        """Where the run is after `event`; None when that changes nothing to be shown."""
        now = self._clock()
        match event:
            case StageStarted(stage):
                self.close()
                self._stage, self._started, self._first = stage, now, None
                return Progress(
                    stage,
                    self._epochs_done / self._epochs if stage == "training" else 0.0,
                    self._phase(),
                )
            case FactsFound(facts):
                self._learn(facts)
            case StageAdvanced("training" as stage, done, total):
                detail = (
                    f"epoch {self._epochs_done + 1} of {self._epochs}, {done:,} of {total:,} images"
                )
                return Progress(stage, done / total, detail, self._training_left(now, done / total))
            case StageAdvanced(stage, done, total):
                left = self._images_left(now, done, total)
                return Progress(
                    stage, done / total, self._phase(f"{done:,} of {total:,} {event.of}"), left
                )
            case BatchEnded(epoch, step, total_steps):
                detail = f"epoch {epoch} of {self._epochs}, step {step:,} of {total_steps:,}"
                return Progress(
                    self._stage,
                    step / total_steps,
                    detail,
                    self._training_left(now, step / total_steps),
                )
            case EpochEnded(epoch):
                self._epochs_done = epoch
                if (
                    self._stage == "training"
                ):  # else an epoch from before the run was carried on with
                    return Progress(
                        self._stage, epoch / self._epochs, f"epoch {epoch} of {self._epochs} done"
                    )
        return None

    def _learn(self, facts: RunFacts) -> None:
        if facts.splits:
            self._n_train = facts.splits.train
            self._n_val = facts.splits.val
            self._n_test = facts.splits.test
        if facts.cached_views == 0:
            self._n_checked = n_checked(self._n_train, self._n_val)
        elif facts.cached_views:  # of what is kept the check at the end costs next to nothing
            self._n_checked = 0
        self._plan = facts.plan or self._plan

    def close(self) -> None:
        """Book the time of the stage that ends now."""
        self.seconds, self._stage = self.seconds_so_far(), ""

    def seconds_so_far(self) -> dict[str, float]:
        """`seconds`, with what the stage that is going on has taken."""
        so_far = self._clock() - self._started
        return (
            {**self.seconds, self._stage: self.seconds.get(self._stage, 0.0) + so_far}
            if self._stage
            else self.seconds
        )

    def _phase(self, detail: str = "") -> str:
        """`detail`, with the phase in front where there are several and each is prepared for."""
        if len(self._plan) < 2 or self._stage != "preparing features":
            return detail
        return f"phase {self._phase_number()} of {len(self._plan)}{', ' * bool(detail)}{detail}"

    def _phase_number(self) -> int:
        return sum(phase.first_epoch <= self._epochs_done + 1 for phase in self._plan)

    @property
    def _is_last_phase(self) -> bool:
        return self._phase_number() >= len(self._plan)

    @property
    def _is_all_frozen(self) -> bool:
        return learns_head_alone(self._plan)

    def _images_left(self, now: float, done: int, total: int) -> float | None:
        seconds = self._seconds_for_all(now, done / total)
        if seconds is None:
            return None
        self._seconds_per_image = seconds / total
        if self._stage == "testing":
            return self._seconds_per_image * (total - done)
        if not self._is_all_frozen:
            return None  # nothing is known yet about the pace of training
        return self._seconds_per_image * (total - done + self._n_test)

    def _training_left(self, now: float, share: float) -> float | None:
        """Where `share` of all training images are done; nothing is known about the pace of phases to come."""
        share = self._with_validation(share)
        seconds = self._seconds_for_all(now, share)
        if seconds is None or not self._is_last_phase:
            return None
        per_image = self._seconds_per_image or seconds / (
            self._epochs * (self._n_train + _VALIDATION * self._n_val)
        )
        return seconds * (1 - share) + per_image * (self._n_checked + self._n_test)

    def _with_validation(self, share: float) -> float:
        """Of training and of the validation after each epoch, the share that is done."""
        aside = _VALIDATION * self._n_val / self._n_train
        return (share * self._epochs + aside * self._epochs_done) / (self._epochs * (1 + aside))

    def _seconds_for_all(self, now: float, share: float) -> float | None:
        """That the whole stage would take at its pace since the first it told of; None before that can be known."""
        self._first = self._first or (now, share)
        elapsed, done = now - self._first[0], share - self._first[1]
        if done <= 0 or elapsed < _MOMENT or (done < _ENOUGH and elapsed < _LONG):
            return None
        return elapsed / done


def learns_head_alone(plan: Sequence[PlannedPhase]) -> bool:
    """True when only the head learns in the whole run, which then takes next to no time."""
    return bool(plan) and plan[-1].frozen_stages == plan[-1].n_stages
