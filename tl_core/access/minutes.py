"""Watch of a server over the training time of each person."""

import logging
from contextlib import suppress
from threading import Event, Thread

from tl_core.access.allowance import Allowance, allowance_of
from tl_core.errors import LimitReached, TransferLabError
from tl_core.facts import RunFacts
from tl_core.records import Run
from tl_core.store import Store

_log = logging.getLogger(__name__)
_PAUSE = 10.0
"""Seconds between two looks; somebody may exceed their time by as much."""


class MinuteWatch:
    """Thread that pauses the runs of those whose training time is used up, and lets theirs wait."""

    def __init__(self, house: Store) -> None:
        self._house = house
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="transferlab-minutes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.wait(_PAUSE):
            # Where the database fails for a while, a later look will do.
            with suppress(TransferLabError, OSError):
                look_at_minutes(self._house)


def look_at_minutes(house: Store) -> None:
    """Pause the runs of everyone whose training time is used up, and let their others wait."""
    running = house.list_running_runs()
    owners = {run.owner for run in running} | {place.owner for place in house.list_queue()}
    until = {}
    for owner in sorted(owners):
        allowance = _time_of(house, owner)
        if allowance is None:
            continue
        try:
            allowance.check_time()
        except LimitReached:
            until[owner] = allowance.free_at
            for run in running:
                if run.owner == owner:
                    _pause(house, run, allowance)
    house.let_rest(until)


def _time_of(house: Store, owner: str) -> Allowance | None:
    """Return what somebody may still use, without their files; None if nothing bounds them."""
    person = house.find_person(person_id=owner) if owner else None
    if person is None or person.administers:
        return None
    return allowance_of(house, person)


def _pause(house: Store, run: Run, allowance: Allowance) -> None:
    if house.asked_of(run.id) is not None:
        return
    note = (
        f"Paused because the {allowance.limits.minutes_a_day} minutes of training that one person "
        "may use within 24 hours were used up."
    )
    _log.info("Run %s is paused: its owner's training time is used up", run.id)
    house.update_run(run.id, facts=RunFacts(notes=(note,)))
    house.request_pause(run.id)
