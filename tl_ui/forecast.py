"""Forecast of a run's duration and of its wait, as the Train page and the queue tell it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import psutil
from cachetools import TTLCache, cached

from tl_core.config import RunConfig
from tl_core.errors import TransferLabError
from tl_core.machine import Available, probe_available, whole_machine
from tl_core.records import Run
from tl_core.runs.estimate import Estimate, estimate_run
from tl_core.runs.execute import make_experiment
from tl_core.runs.spans import Span
from tl_core.runs.summary import runs_ahead
from tl_core.runs.waiting import expected_wait, split_by_worker
from tl_core.text import count, number_of
from tl_ui.resources import get_workspace

_FRESH_SECONDS = 15
"""Age up to which a look at the machine is taken for the present; thirty people may fill in forms.
"""
_SERVER_STARTED = psutil.Process().create_time()


@dataclass(frozen=True, slots=True)
class Forecast:
    estimate: Estimate
    ahead: int
    """Runs that this server carries out first."""
    wait: Span | None
    """Time until they have ended; None if it is not known."""
    beside: int
    """Runs of a command line that go on at the same time."""

    def notes(self) -> str:
        """Say what the duration depends on: cached features, other work, the queue."""
        parts = [self._cached(), self._busy(), self._beside(), self._waiting()]
        return " ".join(part for part in parts if part)

    def _cached(self) -> str:
        work = self.estimate.work
        if not work.rows_found:
            return ""
        if not work.rows:
            return "The features of all its images are cached already."
        views = "views of images" if work.views > 1 else "images"
        whole = work.rows + work.rows_found
        return f"The features of {count(work.rows_found)} of {count(whole)} {views} are cached."

    def _busy(self) -> str:
        # The runs ahead will be over by then.
        if self.ahead or self.estimate.available.is_all:
            return ""
        return "Other programs keep this machine busy, which makes it slower."

    def _beside(self) -> str:
        if not self.beside:
            return ""
        runs = f"{number_of(self.beside, 'run')} of a command line"
        return f"{runs} {'goes' if self.beside == 1 else 'go'} on beside it."

    def _waiting(self) -> str:
        if not self.ahead:
            return ""
        runs = "the run" if self.ahead == 1 else f"the {self.ahead} runs"
        words = f"Before that it waits for {runs} ahead of it"
        return f"{words}: **{self.wait.say()}**." if self.wait else f"{words}."


def forecast(config: RunConfig, runs: Sequence[Run]) -> Forecast:
    """Forecast a run that is queued, or would be queued now.

    Args:
        config: the run's settings.
        runs: the runs in front of it, newest first; others may be among them.
    """
    ahead, beside = split_by_worker(runs, get_workspace().artifacts)
    is_first = not any((run.started_at or 0.0) > _SERVER_STARTED for run in runs)
    estimate = _estimate(config, bool(ahead), is_first)
    return Forecast(estimate, len(ahead), expected_wait(ahead, _span_of), len(beside))


def say_queued(run: Run, runs: Sequence[Run]) -> str:
    """Say when a queued run should start and how long it should take; empty if it is not known.

    Args:
        runs: all runs, newest first.
    """
    try:
        found = forecast(run.config, runs_ahead(run, runs))
    # Its dataset or weights may be gone; the run itself will say so.
    except TransferLabError:
        return ""
    takes = found.estimate.span.say()
    if not found.ahead:
        return f"It should take {takes}."
    if found.wait is None:
        return f"Once it starts, it should take {takes}."
    return f"It should start in {found.wait.say()}, and then take {takes}."


def _span_of(run: Run) -> Span | None:
    try:
        return _estimate(run.config, True, False).span
    # Its dataset or weights may be gone; the run itself will say so.
    except TransferLabError:
        return None


# A form is drawn again with every change, and for everybody who looks at it.
@cached(TTLCache(maxsize=128, ttl=_FRESH_SECONDS), lock=Lock())
def _estimate(config: RunConfig, waits: bool, is_first: bool) -> Estimate:
    workspace = get_workspace()
    available = _available()
    if waits:
        available = _after_a_wait(available)
    return estimate_run(workspace, make_experiment(workspace, config), available, is_first=is_first)


@cached(TTLCache(maxsize=1, ttl=_FRESH_SECONDS), lock=Lock())
def _available() -> Available:
    return probe_available()


def _after_a_wait(now: Available) -> Available:
    """Return what may be available once the runs ahead, which take part of it, have ended."""
    whole = whole_machine()
    return Available(math.sqrt(now.one * whole.one), math.sqrt(now.every * whole.every))
