"""Load of the machine: what is available lies between nothing and all cores."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core import machine
from tl_core.machine import Available, Moment, count_cores, probe_available, read_clocks

shares = st.floats(0.01, 1)


@given(shares, shares, st.floats(0.1, 64))
def test_work_never_gets_more_cores_than_it_wants_or_than_there_are(
    one: float, every: float, wanted: float
):
    available = Available(one, max(one, every * count_cores()))
    got = available.cores_for(wanted)
    assert 0 < got <= min(wanted, count_cores())
    assert got <= available.cores_for(wanted + 1) + 1e-9
    assert available.times(1.5).cores_for(wanted) >= got - 1e-9


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0.1, 30))
def test_others_take_what_is_busy_and_not_our_own(own: float, others: float, idle: float):
    before = Moment(0.0, 0.0, 0.0, 0.0)
    after = Moment(1.0, own, own + others, own + others + idle)
    assert after.others_share(before) == pytest.approx(others / (own + others + idle))


def test_clocks_that_tick_apart_give_no_negative_share():
    assert Moment(1.0, 2.0, 1.0, 4.0).others_share(Moment(0.0, 0.0, 0.0, 0.0)) == 0.0
    assert Moment(1.0, 2.0, 1.0, 4.0).others_share(Moment(1.0, 2.0, 1.0, 4.0)) == 0.0


def test_own_work_counts_as_own():
    before = read_clocks()
    while time.process_time() - before.own < 0.05:
        pass
    after = read_clocks()
    assert after.own - before.own >= 0.05
    assert after.wall > before.wall and after.total > before.total
    assert 0 <= after.others_share(before) <= 1


def test_a_probe_finds_some_of_the_cores():
    found = probe_available(0.0)
    assert 0 < found.one <= 1
    assert 0 < found.every <= count_cores()


def test_a_busy_moment_is_weighed_with_the_load_of_the_last_minute(monkeypatch):
    monkeypatch.setattr(machine.psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    quiet = machine._with_average(0.25, 0.25)
    monkeypatch.setattr(machine.psutil, "getloadavg", lambda: (8.0, 0.0, 0.0))
    busy = machine._with_average(0.25, 0.25)
    assert 0.25 < quiet.every < count_cores() and 0 < busy.every < quiet.every
    assert all(each.one <= each.every for each in (quiet, busy))
