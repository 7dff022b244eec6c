"""Turns of people at the one place for background jobs, as they take turns in the queue of runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from tl_core.store.turns import Entry, in_turn


class Turns:
    """One place, for which threads wait; whoever has waited longest since their last turn is next.

    A semaphore would serve in the order of arrival, so that a person with many jobs goes first for
    as long as these last.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Entry] = []
        self._last_turns: dict[str, int] = {}
        self._arrivals = count()
        self._turns = count(1)
        self._is_taken = False

    @contextmanager
    def turn(self, person_id: str, has_left: Callable[[], bool]) -> Iterator[None]:
        """Wait for the place, and hold it within the block.

        Args:
            person_id: person for whom it is; empty for the operator.
            has_left: tells that the place is no longer wanted; the block is then entered without
                it, at once or, if that is found out later, with `look`.
        """
        entry = Entry("", person_id, rank=next(self._arrivals))
        with self._changed:
            self._waiting.append(entry)
            self._changed.wait_for(lambda: has_left() or self._is_next(entry))
            takes = self._is_next(entry)
            self._waiting.remove(entry)
            if takes:
                self._is_taken = True
                self._last_turns[person_id] = next(self._turns)
        try:
            yield
        finally:
            with self._changed:
                if takes:
                    self._is_taken = False
                self._changed.notify_all()

    def look(self) -> None:
        """Have those who wait see whether it is their turn, or whether they have left."""
        with self._changed:
            self._changed.notify_all()

    def _is_next(self, entry: Entry) -> bool:
        return not self._is_taken and in_turn(self._waiting, self._last_turns)[0] == entry
