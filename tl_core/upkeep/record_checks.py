"""Checks of the records: damage, owners that are gone, impossible states of runs."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydantic import ValidationError

from tl_core.config import RunConfig
from tl_core.locks import hold_lock, try_lock
from tl_core.records import RunState
from tl_core.store.identity import belong_together, pair
from tl_core.store.inspection import RunRow
from tl_core.text import number_of
from tl_core.upkeep.findings import Finding
from tl_core.upkeep.house import House

_STATES = frozenset(RunState)
_WAITING = (RunState.QUEUED, RunState.PAUSED)


def check_records(house: House) -> Iterator[Finding]:
    """Yield what is wrong with the database and its records.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    for line in house.store.damage():
        yield Finding(
            "database",
            "the database",
            f"The database is damaged: {line}.",
            "Restore a backup.",
        )
    yield from _pairing(house)
    yield from _strangers(house)
    datasets = house.store.dataset_ids()
    for row in house.store.run_rows():
        yield from _run(house, row, datasets)


def _pairing(house: House) -> Iterator[Finding]:
    if not belong_together(house.store, house.artifacts):
        yield Finding(
            "pairing",
            str(house.settings.home),
            "The home folder and the database do not know each other, so that files without a "
            "record are left alone: one of them may be another installation's.",
            "Check TRANSFERLAB_HOME and TRANSFERLAB_DATABASE_URL. If both are right, repairing "
            "lets them belong together, and deletes the files without a record.",
            lambda: pair(house.store, house.artifacts),
        )


def _strangers(house: House) -> Iterator[Finding]:
    for table, owner, n in house.store.ownerless():
        yield Finding(
            "owners",
            owner,
            f"{number_of(n, f'row of {table}', f'rows of {table}')} belong to the person {owner}, "
            "whom nobody knows.",
            "Repairing gives them to the operator.",
            partial(house.store.give_to_operator, table, owner),
        )


def _run(house: House, row: RunRow, datasets: set[str]) -> Iterator[Finding]:
    if (unreadable := _why_unreadable(row)) is not None:
        yield Finding(
            "states",
            row.id,
            f"Run {row.id} cannot be shown: {unreadable}.",
            "Repairing puts it into the bin, so that the pages work without it.",
            _correction(house, row, binned_at=time.time()),
        )
    elif row.state == RunState.RUNNING:
        yield from _without_process(house, row)
    else:
        yield from _at_rest(house, row, datasets)


def _why_unreadable(row: RunRow) -> str | None:
    if row.state not in _STATES:
        return f"its state is {row.state!r}, which does not exist"
    try:
        RunConfig.model_validate_json(row.config)
    except ValidationError:
        return "its settings cannot be read"
    return None


def _without_process(house: House, row: RunRow) -> Iterator[Finding]:
    store = house.store
    lock = house.artifacts.run_lock(row.id)

    def end() -> None:
        with hold_lock(house.artifacts.claim_lock), try_lock(lock) as is_free:
            if is_free:
                store.finish_run(row.id, RunState.INTERRUPTED)

    # A run that was just claimed is not locked yet.
    with hold_lock(house.artifacts.claim_lock), try_lock(lock) as is_free:
        is_stale = is_free and any(run.id == row.id for run in store.list_running_runs())
    if is_stale:
        yield Finding(
            "states",
            row.id,
            f"Run {row.id} is said to be running, but no process works on it.",
            "Repairing marks it as interrupted, from where it can be resumed. A server does so by "
            "itself.",
            end,
        )


def _at_rest(house: House, row: RunRow, datasets: set[str]) -> Iterator[Finding]:
    def found(sentence: str, advice: str, **values: Any) -> Finding:
        return Finding("states", row.id, sentence, advice, _correction(house, row, **values))

    is_waiting = row.state in _WAITING
    # A run that has ended keeps the request that ended it; one that waits would stop at once.
    if row.requested and row.state == RunState.QUEUED:
        yield found(
            f"Run {row.id} waits in the queue, and yet was asked to stop.",
            "Repairing drops the request.",
            requested=None,
        )
    if is_waiting and row.dataset_id not in datasets:
        yield found(
            f"Run {row.id} is {row.state}, but its dataset has been deleted.",
            "Repairing lets it end as failed.",
            state=RunState.FAILED,
            finished_at=time.time(),
            message="Its dataset was deleted before it could be trained.",
        )
    if row.state == RunState.COMPLETED and not row.has_result:
        yield found(
            f"Run {row.id} is said to be completed, but has no test result.",
            "Repairing marks it as interrupted.",
            state=RunState.INTERRUPTED,
        )
    if not is_waiting and row.finished_at is None:
        yield found(
            f"Run {row.id} is {row.state}, but nobody knows since when.",
            "Repairing takes the time at which it was added.",
            finished_at=row.created_at,
        )
    if row.best_epoch is not None and row.best_epoch > row.epochs_done:
        yield Finding(
            "states",
            row.id,
            f"The best epoch of run {row.id} is {row.best_epoch}, of {row.epochs_done} finished.",
            "Train it again, or restore a backup.",
        )


def _correction(house: House, row: RunRow, **values: Any) -> Callable[[], None]:
    # With the state, so that nothing is changed that has gone on meanwhile.
    return lambda: house.store.correct_run(row.id, row.state, values)
