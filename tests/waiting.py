"""Waiting for a condition, however busy the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 300.0
"""Time limit in seconds; a passing test returns as soon as the condition holds."""


def nap() -> None:
    time.sleep(0.02)


def wait_until(
    check: Callable[[], Found],
    what: str = "it",
    pause: Callable[[], object] = nap,
) -> Found:
    """Return the first true result of `check`, which is called again after each pause.

    Raises:
        AssertionError: no result was true in time.
    """
    end = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s"
        pause()
    return found
