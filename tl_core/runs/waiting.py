"""Place of a run in a server's queue, and the time that it will wait there."""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tl_core.config import RunConfig
from tl_core.events import STAGES
from tl_core.records import Run
from tl_core.runs.estimate import Estimate
from tl_core.runs.spans import NOTHING, Span
from tl_core.runs.summary import seconds_taken
from tl_core.store import Artifacts, RunQuery, Waiting
from tl_core.workspace import Workspace

_PREPARING = STAGES[1]
_MOST_ESTIMATED = 12
"""Runs ahead that are estimated one by one; any more take as long on average."""
_OWN_UNCERTAINTY = 1.15
"""Ratio by which the remaining time that a run tells may be off."""


@dataclass(frozen=True, slots=True)
class Line:
    """Runs that a waiting run waits for."""

    running: tuple[Run, ...]
    """Runs that this server carries out now."""
    first: tuple[Run, ...]
    """Runs that start before it, in that order, as far as they are estimated one by one."""
    n_waiting: int
    """Number of all runs that start before it."""
    n_others: int
    """Number of other people with waiting runs."""
    beside: int
    """Runs that go on meanwhile without taking part in the queue, such as a command line's."""
    is_held: bool
    """Marks that no run is to start at the moment."""
    rests: bool = False
    """Marks that it waits in any case, since the training time of its owner is used up."""

    @property
    def n_ahead(self) -> int:
        return len(self.running) + self.n_waiting


def line_before(workspace: Workspace, queue: Sequence[Waiting], run_id: str, owner: str) -> Line:
    """Return what a run waits for.

    Args:
        workspace: the house's own, in which everyone's runs are seen.
        queue: the whole of it, with the run.
        run_id: id of a waiting run; empty for one that would be queued now.
        owner: id of the person it belongs to.
    """
    store = workspace.store
    places = [place.run_id for place in queue]
    # The run may just have been taken from the queue.
    n_waiting = places.index(run_id) if run_id in places else 0
    first = tuple(places[: min(n_waiting, _MOST_ESTIMATED)])
    found = {run.id: run for run in store.list_runs(RunQuery(ids=first))}
    running, beside = split_by_worker(store.list_running_runs(), workspace.artifacts)
    return Line(
        running=tuple(run for run in running if run.id != run_id),
        first=tuple(found[each] for each in first if each in found),
        n_waiting=n_waiting,
        n_others=_n_others(queue, owner),
        beside=len(beside),
        is_held=store.is_queue_held(),
        rests=run_id in places and queue[places.index(run_id)].rests,
    )


def _n_others(queue: Sequence[Waiting], owner: str) -> int:
    return len({place.owner for place in queue} - {owner})


def split_by_worker(running: Sequence[Run], artifacts: Artifacts) -> tuple[list[Run], list[Run]]:
    """Return (runs that this server carries out, those that go on beside them)."""
    # A run is claimed a moment before its process is noted.
    mine: set[int | None] = {os.getpid(), None}
    # A worker may just be ending.
    with suppress(psutil.Error):
        mine |= {child.pid for child in psutil.Process().children()}
    by_server: list[Run] = []
    beside: list[Run] = []
    for run in running:
        (by_server if artifacts.process_of(run.id) in mine else beside).append(run)
    return by_server, beside


def pass_of(config: RunConfig) -> Hashable:
    """Return what is equal for runs that share the activations of their frozen stages.

    Of such runs, the first computes what the others find in the cache.
    """
    train = config.train
    headless = config.model.model_copy(
        update={"hidden_units": (), "dropout": 0.0, "output": "softmax"}
    )
    # Views of an image are drawn from the seed.
    seed = train.seed if config.augment.is_on else None
    return (
        config.data.dataset_id,
        headless,
        config.augment,
        seed,
        train.unfreeze,
        train.feature_precision,
    )


def expected_wait(line: Line, estimate: Callable[[Run], Estimate | None]) -> Span | None:
    """Return the time until all runs ahead have ended; None if it is not known.

    Args:
        estimate: returns what a run that has not started should take, None if it is not known.
    """
    shared = {pass_of(run.config) for run in line.running}
    total = NOTHING
    for run in line.running:
        left = _left(run, estimate)
        if left is None:
            return None
        total = total + left
    ahead = NOTHING
    for run in line.first:
        whole = estimate(run)
        if whole is None:
            return None
        ahead = ahead + after(whole, pass_of(run.config) in shared)
        shared.add(pass_of(run.config))
    return total + ahead.times(line.n_waiting / len(line.first)) if line.first else total


def after(whole: Estimate, is_prepared: bool) -> Span:
    """Return the duration of a run; if its features are prepared by a run before, without that."""
    if not is_prepared:
        return whole.span
    return sum((span for stage, span in whole.stages.items() if stage != _PREPARING), NOTHING)


def _left(run: Run, estimate: Callable[[Run], Estimate | None]) -> Span | None:
    if run.progress and run.progress.seconds_left is not None:
        left = run.progress.seconds_left
        return Span(left / _OWN_UNCERTAINTY, left, left * _OWN_UNCERTAINTY)
    found = estimate(run)
    if found is None:
        return None
    whole = found.span
    taken = seconds_taken(run) or 0.0
    # What is left is known no better than the whole.
    left = max(0.0, whole.expected - taken)
    return Span(max(0.0, whole.low - taken), left, max(left, whole.high - taken))
