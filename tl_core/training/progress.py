"""Progress of a run and its remaining time, derived from the events that it yields."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tl_core.events import (
    STAGES,
    BatchEnded,
    EpochEnded,
    Event,
    FactsFound,
    StageAdvanced,
    StageStarted,
)
from tl_core.facts import PlannedPhase, RunFacts
from tl_core.records import Progress
from tl_core.training.testing import n_checked

_MIN_SECONDS = 1.0
"""Shortest time from which a stage's duration is extrapolated."""
_MIN_SHARE = 0.05
"""Share of a stage from which its duration is extrapolated before `_LONG_SECONDS`."""
_LONG_SECONDS = 5.0
"""Time from which the duration is extrapolated at any share."""
_MOST_SLOW = 3.0
"""Largest ratio by which what is expected of later stages is corrected by the current one."""
_FORWARD_COST = 1 / 3
"""Cost of a forward pass relative to a training step, which also has a backward pass."""


class ProgressMeter:
    """Turns events into `Progress`; gives no remaining time where it would be a guess."""

    def __init__(
        self,
        epochs: int,
        spent: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        expected: Mapping[str, float] | None = None,
    ) -> None:
        """
        Args:
            epochs: epochs of the whole run.
            spent: seconds in each stage before the run was resumed.
            clock: returns the time in seconds.
            expected: seconds that each stage should take, for what cannot be extrapolated yet.
        """
        self._expected = dict(expected or {})
        self.seconds = dict(spent or {})
        """Seconds spent in each stage so far."""
        self._epochs = epochs
        self._clock = clock
        self._plan: tuple[PlannedPhase, ...] = ()
        self._epochs_done = 0
        # Not 0: shares are divided by it, perhaps before the split is known.
        self._n_train = 1
        self._n_val = 0
        self._n_test = 0
        self._n_checked = 0
        self._seconds_per_image = 0.0
        self._stage = ""
        self._started = clock()
        self._first: tuple[float, float] | None = None
        """Time and share done at the stage's first report; what came before is set-up."""

    def update(self, event: Event) -> Progress | None:
        """Return the progress after `event`; None if there is nothing new to show."""
        now = self._clock()
        progress = self._progress(event, now)
        if progress is None or progress.seconds_left is not None or not self._expected:
            return progress
        return replace(progress, seconds_left=self._expected_left(progress, now))

    def _expected_left(self, progress: Progress, now: float) -> float:
        """Return the seconds left as they were expected before the run."""
        stage = self._expected.get(progress.stage, 0.0)
        here = stage * (1 - progress.fraction)
        if progress.fraction == 0:
            # Before its first report, a stage still sets up.
            here = max(0.0, stage - (now - self._started))
        return here + self._expected_after(progress.stage)

    def _expected_after(self, stage: str) -> float:
        later = STAGES[STAGES.index(stage) + 1 :] if stage in STAGES else ()
        return sum(self._expected.get(each, 0.0) for each in later)

    def _progress(self, event: Event, now: float) -> Progress | None:
        match event:
            case StageStarted(stage):
                return self._start_stage(stage, now)
            case FactsFound(facts):
                self._learn(facts)
            case StageAdvanced("training", done, total):
                epoch = self._epochs_done + 1
                detail = f"epoch {epoch} of {self._epochs}, {done:,} of {total:,} images"
                return self._training_progress(now, done / total, detail)
            case StageAdvanced(stage, done, total):
                detail = self._phase(f"{done:,} of {total:,} {event.of}")
                return Progress(stage, done / total, detail, self._images_left(now, done, total))
            case BatchEnded(epoch, step, total_steps):
                detail = f"epoch {epoch} of {self._epochs}, step {step:,} of {total_steps:,}"
                return self._training_progress(now, step / total_steps, detail)
            case EpochEnded(epoch):
                return self._end_epoch(epoch)
        return None

    def _start_stage(self, stage: str, now: float) -> Progress:
        self.close()
        self._stage = stage
        self._started = now
        self._first = None
        share = self._epochs_done / self._epochs if stage == "training" else 0.0
        return Progress(stage, share, self._phase())

    def _training_progress(self, now: float, share: float, detail: str) -> Progress:
        return Progress(self._stage, share, detail, self._training_left(now, share))

    def _end_epoch(self, epoch: int) -> Progress | None:
        self._epochs_done = epoch
        # A resumed run first repeats its last finished epoch, before training starts.
        if self._stage != "training":
            return None
        return Progress(self._stage, epoch / self._epochs, f"epoch {epoch} of {self._epochs} done")

    def _learn(self, facts: RunFacts) -> None:
        if facts.splits:
            self._n_train = facts.splits.train
            self._n_val = facts.splits.val
            self._n_test = facts.splits.test
        if facts.cached_views == 0:
            self._n_checked = n_checked(self._n_train, self._n_val)
        # On cached activations the training check at the end costs next to nothing.
        elif facts.cached_views:
            self._n_checked = 0
        self._plan = facts.plan or self._plan

    def close(self) -> None:
        """End the current stage and add its time to `seconds`."""
        self.seconds = self.seconds_so_far()
        self._stage = ""

    def seconds_so_far(self) -> dict[str, float]:
        """Return `seconds` including the time of the current stage."""
        if not self._stage:
            return self.seconds
        elapsed = self._clock() - self._started
        return {**self.seconds, self._stage: self.seconds.get(self._stage, 0.0) + elapsed}

    def _phase(self, detail: str = "") -> str:
        """Prefix `detail` with the phase while features are prepared, if there are several."""
        if len(self._plan) < 2 or self._stage != "preparing features":
            return detail
        return f"phase {self._phase_number()} of {len(self._plan)}{', ' * bool(detail)}{detail}"

    def _phase_number(self) -> int:
        return sum(phase.first_epoch <= self._epochs_done + 1 for phase in self._plan)

    def _images_left(self, now: float, done: int, total: int) -> float | None:
        seconds = self._stage_seconds(now, done / total)
        if seconds is None:
            return None
        self._seconds_per_image = seconds / total
        if self._stage == "testing":
            return self._seconds_per_image * (total - done)
        # The speed of training is still unknown; only that of a head alone can be ignored.
        if not learns_head_alone(self._plan):
            if not self._expected:
                return None
            left = self._seconds_per_image * (total - done)
            return left + self._slowness(seconds) * self._expected_after(self._stage)
        return self._seconds_per_image * (total - done + self._n_test)

    def _slowness(self, seconds: float) -> float:
        """Return how many times as long as expected the current stage takes, within bounds."""
        expected = self._expected.get(self._stage, 0.0)
        return min(_MOST_SLOW, max(1 / _MOST_SLOW, seconds / expected)) if expected else 1.0

    def _training_left(self, now: float, share: float) -> float | None:
        """Return the seconds left after `share` of the training images of the run."""
        share = self._with_validation(share)
        seconds = self._stage_seconds(now, share)
        # Later phases train other layers, at a speed that is not known yet.
        if seconds is None or self._phase_number() < len(self._plan):
            return None
        cost_per_epoch = self._n_train + _FORWARD_COST * self._n_val
        per_image = self._seconds_per_image or seconds / (self._epochs * cost_per_epoch)
        return seconds * (1 - share) + per_image * (self._n_checked + self._n_test)

    def _with_validation(self, share: float) -> float:
        """Return the share of work done, counting the validation after each epoch."""
        validation = _FORWARD_COST * self._n_val / self._n_train
        done = share * self._epochs + validation * self._epochs_done
        return done / (self._epochs * (1 + validation))

    def _stage_seconds(self, now: float, share: float) -> float | None:
        """Extrapolate the duration of the stage from its first report on; None if too early."""
        self._first = self._first or (now, share)
        first_time, first_share = self._first
        elapsed = now - first_time
        done = share - first_share
        if done <= 0 or elapsed < _MIN_SECONDS:
            return None
        if done < _MIN_SHARE and elapsed < _LONG_SECONDS:
            return None
        return elapsed / done


def learns_head_alone(plan: Sequence[PlannedPhase]) -> bool:
    """Return True if the whole run trains only the head, which takes next to no time."""
    return bool(plan) and plan[-1].frozen_stages == plan[-1].n_stages
