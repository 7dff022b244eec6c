"""Requests to stop: polled at limited intervals, and remembered."""

import pytest

from tl_core import cancellation
from tl_core.cancellation import NEVER, Stop
from tl_core.errors import Cancelled


def test_by_default_work_is_not_stopped():
    assert not Stop().is_asked and not NEVER.is_asked
    NEVER.check()


def test_a_request_to_stop_raises_and_is_remembered():
    answers = iter([False, True])
    stop = Stop(lambda: next(answers))
    stop.check()
    for _ in range(3):
        assert stop.is_asked
        with pytest.raises(Cancelled, match="Stopped as asked"):
            stop.check()


def test_polling_respects_the_shortest_interval(monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr(cancellation.time, "monotonic", lambda: now)
    asked: list[float] = []
    stop = Stop(lambda: bool(asked.append(now)) or now > 101, every_seconds=0.5)
    for now in (100.0, 100.2, 100.4, 100.6, 101.0, 101.2, 101.4, 101.6):  # noqa: B007
        stop.is_asked  # noqa: B018
    assert asked == [100.0, 100.6, 101.2]
    assert stop.is_asked
