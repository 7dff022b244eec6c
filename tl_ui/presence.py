"""Presence: who has a page of this server open, and when the others last had one."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_open: Counter[str] = Counter()
"""Number of open pages of each person, by id; changed by the thread of the server alone."""
_left: dict[str, float] = {}
"""Time at which each person closed their last page, in seconds since the epoch."""


@contextmanager
def present(person_id: str) -> Iterator[None]:
    """Count a page as open for as long as the block lasts."""
    _open[person_id] += 1
    try:
        yield
    finally:
        _open[person_id] -= 1
        _left[person_id] = time.time()


def is_here(person_id: str) -> bool:
    """Tell if the person has a page open."""
    return _open[person_id] > 0


def left_at(person_id: str) -> float | None:
    """Return when the person was here last; None for never since the server started."""
    return _left.get(person_id)
