"""Queue of the server, looked at once for all who wait in it."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Condition

from cachetools import TTLCache, cached

from tl_core.errors import RunNotReady, UnknownRun
from tl_core.records import Run, RunState
from tl_core.store import Store, Waiting
from tl_core.store.contract import Move
from tl_ui.house import get_house
from tl_ui.resources import get_workspace

_FRESH_SECONDS = 1
"""Age up to which a look at the queue is used: thirty people may look every second or two."""


def queue_with(run_id: str) -> list[Waiting]:
    """Return everyone's waiting runs in the order in which they will start.

    Args:
        run_id: id of a waiting run, which is among them unless it has just started.
    """
    store = get_house().store
    queue = _queue(store, None)
    # It may have been queued since the last look.
    return queue if any(place.run_id == run_id for place in queue) else store.list_queue()


def queue_with_newcomer(owner: str) -> list[Waiting]:
    """Return the queue with a run of this person that would be queued now."""
    return _queue(get_house().store, owner)


def places_of(runs: Sequence[Run]) -> dict[str, int]:
    """Return the place in the queue, counted from 1, of each of the runs that waits."""
    waiting = [run.id for run in runs if run.state is RunState.QUEUED]
    if not waiting:
        return {}
    places = {place.run_id: n for n, place in enumerate(queue_with(waiting[0]), start=1)}
    return {run_id: places[run_id] for run_id in waiting if run_id in places}


def move(run_id: str, where: Move) -> None:
    """Move a waiting run, unless it has started or was deleted meanwhile."""
    with suppress(UnknownRun, RunNotReady):
        get_workspace().store.move_run(run_id, where)
    _queue.cache_clear()


def hold(is_held: bool) -> None:
    """Let no more runs start, or let them start again."""
    get_workspace().store.hold_queue(is_held)


@cached(TTLCache(maxsize=64, ttl=_FRESH_SECONDS), condition=Condition())
def _queue(store: Store, newcomer: str | None) -> list[Waiting]:
    return store.list_queue(newcomer)
