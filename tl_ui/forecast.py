"""Forecast of a run's duration and of its wait, as the Train page and the queue tell it."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Condition

import psutil
from cachetools import TTLCache, cached
from cachetools.keys import hashkey

from tl_core.config import RunConfig
from tl_core.errors import TransferLabError
from tl_core.machine import Available, whole_machine
from tl_core.records import Run
from tl_core.runs.estimate import Estimate, estimate_run
from tl_core.runs.execute import make_experiment
from tl_core.runs.spans import Span
from tl_core.runs.waiting import Line, after, expected_wait, line_before, pass_of
from tl_core.store import RunQuery
from tl_core.text import count, number_of
from tl_core.workspace import Workspace
from tl_ui.availability import Availability
from tl_ui.house import get_house
from tl_ui.queue import queue_with, queue_with_newcomer
from tl_ui.resources import get_workspace

_FRESH_SECONDS = 15
"""Age up to which an estimate is used again; thirty people may fill in forms."""
_AHEAD_SECONDS = 60
"""Age up to which the estimate of a waiting run is used; thirty people may watch the queue."""
_MACHINE = Availability()
_SERVER_STARTED = psutil.Process().create_time()


@dataclass(frozen=True, slots=True)
class Forecast:
    estimate: Estimate
    line: Line
    """Runs that it waits for."""
    wait: Span | None
    """Time until the runs ahead have ended; None if it is not known."""
    takes: Span
    """Duration from its start; what a run ahead will have cached is taken off."""

    def notes(self) -> str:
        """Say what the duration depends on: cached features, other work, the queue."""
        parts = [self._cached(), self._busy(), self._beside(), self._waiting()]
        return " ".join(part for part in parts if part)

    def _cached(self) -> str:
        work = self.estimate.work
        if work.rows and self.is_prepared:
            return "A run ahead of it prepares the same features, which it then finds cached."
        if not work.rows_found:
            return ""
        if not work.rows:
            return "The features of all its images are cached already."
        views = "views of images" if work.views > 1 else "images"
        whole = work.rows + work.rows_found
        return f"The features of {count(work.rows_found)} of {count(whole)} {views} are cached."

    @property
    def is_prepared(self) -> bool:
        return self.takes != self.estimate.span

    def _busy(self) -> str:
        # The runs ahead will be over by then.
        if self.line.n_ahead or self.estimate.available.is_all:
            return ""
        return "Other programs keep this machine busy, which makes it slower."

    def _beside(self) -> str:
        if not self.line.beside:
            return ""
        runs = f"{number_of(self.line.beside, 'run')} of a command line"
        return f"{runs} {'goes' if self.line.beside == 1 else 'go'} on beside it."

    def _waiting(self) -> str:
        n = self.line.n_ahead
        held = "The queue is held at the moment: no run starts." if self.line.is_held else ""
        if not n:
            return held
        runs = "the run" if n == 1 else f"the {count(n)} runs"
        words = f"Before that it waits for {runs} ahead of it"
        words = f"{words}: **{self.wait.say()}**." if self.wait else f"{words}."
        return " ".join(part for part in (words, turns_words(self.line), held) if part)


def turns_words(line: Line) -> str:
    """Explain the order of the queue where it is not that in which runs were added."""
    return "People take turns: each has one run, then the next." if line.n_others else ""


def forecast(config: RunConfig, run: Run | None = None) -> Forecast:
    """Forecast a run.

    Args:
        config: the run's settings.
        run: run that waits; None for one that would be queued now.
    """
    workspace = get_workspace()
    owner = run.owner if run else workspace.store.owner
    line = _line(run.id if run else "", owner)
    estimate = _estimate(workspace, config, owner, bool(line.n_ahead), _is_first())
    ahead = {pass_of(each.config) for each in (*line.running, *line.first)}
    takes = after(estimate, pass_of(config) in ahead)
    return Forecast(estimate, line, expected_wait(line, _estimate_ahead), takes)


def say_queued(run: Run) -> tuple[Line, str]:
    """Return what a waiting run waits for, and when it should start and how long it should take.

    The sentence is empty where that is not known.
    """
    try:
        found = forecast(run.config, run)
    # Its dataset or weights may be gone; the run itself will say so.
    except TransferLabError:
        return _line(run.id, run.owner), ""
    takes = found.takes.say()
    line = found.line
    if line.is_held or line.rests or (line.n_ahead and found.wait is None):
        return line, f"Once it starts, it should take {takes}."
    if found.wait is None or not line.n_ahead:
        return line, f"It should take {takes}."
    return line, f"It should start in {found.wait.say()}, and then take {takes}."


def _line(run_id: str, owner: str) -> Line:
    # Everyone's: of the runs of others a page tells how many they are and how long they take.
    queue = queue_with(run_id) if run_id else queue_with_newcomer(owner)
    return line_before(get_house(), queue, run_id, owner)


def _is_first() -> bool:
    """Return whether this server has started no run yet; the first one has to import more."""
    started = RunQuery(started_after=_SERVER_STARTED, limit=1)
    return not get_house().store.list_runs(started)


def _estimate_ahead(run: Run) -> Estimate | None:
    try:
        return _estimate_waiting(run.config, run.owner)
    # Its dataset or weights may be gone; the run itself will say so.
    except TransferLabError:
        return None


@cached(TTLCache(maxsize=256, ttl=_AHEAD_SECONDS), condition=Condition())
def _estimate_waiting(config: RunConfig, owner: str) -> Estimate:
    return _estimate(get_house(), config, owner, True, False)


def _by_person(workspace: Workspace, *others: Hashable) -> Hashable:
    return hashkey(workspace.person, *others)


# A form is drawn again with every change. By person, since what is cached makes runs shorter.
@cached(TTLCache(maxsize=128, ttl=_FRESH_SECONDS), key=_by_person, condition=Condition())
def _estimate(
    workspace: Workspace, config: RunConfig, owner: str, waits: bool, is_first: bool
) -> Estimate:
    available = _MACHINE.now()
    if waits:
        available = _after_a_wait(available)
    # Weights that its owner has uploaded are found for them alone.
    experiment = make_experiment(workspace, config, owner=owner)
    return estimate_run(workspace, experiment, available, is_first=is_first)


def _after_a_wait(now: Available) -> Available:
    """Return what may be available once the runs ahead, which take part of it, have ended."""
    whole = whole_machine()
    return Available(math.sqrt(now.one * whole.one), math.sqrt(now.every * whole.every))
