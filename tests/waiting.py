"""Waits for what is to be seen, however busy the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 300.0
"""Seconds; a failing test takes them, a passing one is done as soon as it sees what it waits for."""


def nap() -> None:
    time.sleep(0.02)


def wait_until(
    check: Callable[[], Found],
    what: str = "it",
    pause: Callable[[], object] = nap,
) -> Found:
    """The first true answer of `check`, which is asked again after each pause.

    Raises:
        AssertionError: there was none in time.
    """
    end = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s"
        pause()
    return found
