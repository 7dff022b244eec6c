"""Waiting for a database that is away for a while, as when its server is restarted."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from tl_core.errors import StoreAway
from tl_core.heartbeat import beat
from tl_core.store.contract import Store

_log = logging.getLogger(__name__)
Class = TypeVar("Class", bound=type)

PAGE_SECONDS = 3.0
"""Longest wait of whoever did not ask for another, such as a page."""
WORK_SECONDS = 120.0
"""Longest wait of training, and of the thread that watches it."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_REPEATABLE = frozenset({
    *("update_run", "append_metrics", "put_predictions", "drop_metrics", "finish_run"),
    *("request_cancel", "request_pause", "annotate_run"),
})  # fmt: skip
"""Methods that may be called again although the first call may have been committed."""


@dataclass
class _Patience:
    seconds: float
    is_over: bool = False
    """True from the end of a wait in vain until the database answers again."""
    is_waiting: bool = False
    """True inside a method that is called again itself, so that those it calls are not."""


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)


@contextmanager
def waiting_for_store(seconds: float) -> Iterator[None]:
    """Let methods of stores wait so long for their database, in this thread and block."""
    before = _patience.set(_Patience(seconds))
    try:
        yield
    finally:
        _patience.reset(before)


def patient(store: Class) -> Class:
    """Make the methods of a `Store` wait for its database, and try again with growing pauses."""
    for name in (name for name in dir(Store) if not name.startswith("_")):
        method = getattr(store, name)
        if callable(method):
            setattr(store, name, _tried_again(name, method))
    return store


def _tried_again(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        patience = _patience.get() or _Patience(PAGE_SECONDS)
        if patience.is_waiting:
            return method(*arguments, **named)
        patience.is_waiting = True
        try:
            answer = _try(lambda: method(*arguments, **named), patience, name)
            patience.is_over = False
            return answer
        finally:
            patience.is_waiting = False

    return call


def _try(call: Callable[[], Any], patience: _Patience, name: str) -> Any:
    give_up = time.monotonic() + (0 if patience.is_over else patience.seconds)
    pause = _FIRST_PAUSE
    while True:
        try:
            return call()
        except StoreAway as error:
            may_repeat = name in _REPEATABLE or not error.may_be_done
            left = give_up - time.monotonic()
            if not may_repeat or left <= 0:
                patience.is_over = left <= 0
                raise
            _log.warning("The store does not answer; another try in %.2g s (%s)", pause, error)
        # Waiting is no hang, and the database decides how long it takes.
        beat()
        # Not all at the same moment.
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))
        pause = min(2 * pause, _LONGEST_PAUSE)
