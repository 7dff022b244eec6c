"""Time that a run will wait in a server's queue, and the runs that go on beside it."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from tl_core.records import Run, RunState
from tl_core.runs.spans import NOTHING, Span
from tl_core.runs.summary import seconds_taken
from tl_core.store import Artifacts

_MOST_ESTIMATED = 12
"""Runs ahead that are estimated one by one; any more take as long on average."""
_OWN_UNCERTAINTY = 1.15
"""Ratio by which the remaining time that a run tells may be off."""


def split_by_worker(runs: Sequence[Run], artifacts: Artifacts) -> tuple[list[Run], list[Run]]:
    """Return (runs that this server carries out before a new one, runs that go on beside it).

    Runs of a command line do not take part in the queue.

    Args:
        runs: all runs, newest first.
    """
    mine = {os.getpid()}
    # A worker may just be ending.
    with suppress(psutil.Error):
        mine |= {child.pid for child in psutil.Process().children()}
    ahead: list[Run] = []
    beside: list[Run] = []
    for run in runs:
        if run.state is RunState.QUEUED:
            ahead.append(run)
        elif run.state is RunState.RUNNING:
            (ahead if artifacts.process_of(run.id) in mine else beside).append(run)
    return ahead, beside


def expected_wait(ahead: Sequence[Run], estimate: Callable[[Run], Span | None]) -> Span | None:
    """Return the time until all runs ahead have ended; None if it is not known.

    Args:
        estimate: returns the duration of a run that has not started, None if it is not known.
    """
    total = NOTHING
    some = ahead[:_MOST_ESTIMATED]
    for run in some:
        left = _left(run, estimate)
        if left is None:
            return None
        total = total + left
    return total.times(len(ahead) / len(some)) if some else NOTHING


def _left(run: Run, estimate: Callable[[Run], Span | None]) -> Span | None:
    if run.state is RunState.RUNNING and run.progress and run.progress.seconds_left is not None:
        left = run.progress.seconds_left
        return Span(left / _OWN_UNCERTAINTY, left, left * _OWN_UNCERTAINTY)
    whole = estimate(run)
    if whole is None or run.state is RunState.QUEUED:
        return whole
    taken = seconds_taken(run) or 0.0
    # What is left is known no better than the whole.
    left = max(0.0, whole.expected - taken)
    return Span(max(0.0, whole.low - taken), left, max(left, whole.high - taken))
