"""Limits by address and person."""

from hypothesis import given
from hypothesis import strategies as st

from tl_ui.gate.limits import Limit, Rate, household


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@given(
    at_once=st.integers(1, 20),
    per_second=st.floats(0.1, 10),
    pauses=st.lists(st.floats(0, 5), max_size=20),
)
def test_no_more_pass_than_the_rate_allows_and_none_waits_longer_than_told(
    at_once, per_second, pauses
):
    clock = Clock()
    limit = Limit(Rate(at_once, per_second), clock)
    started = clock.now
    passed = 0
    for pause in pauses:
        clock.now += pause
        wait = limit.take("a")
        passed += wait == 0
        assert passed <= at_once + (clock.now - started) * per_second + 1e-6
        if wait > 0:
            clock.now += wait + 1e-6
            assert limit.wait_of("a") == 0


def test_one_asker_does_not_use_up_anothers():
    limit = Limit(Rate(1, 0.001), Clock())
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    assert limit.take("b") == 0


def test_a_household_of_ipv6_is_one_asker():
    assert household("2001:db8::1") == household("2001:db8::ffff:1")
    assert household("2001:db8::1") != household("2001:db8:0:1::1")
    assert household("192.0.2.1") != household("192.0.2.2")
    assert household("::ffff:192.0.2.1") == household("192.0.2.1")
    assert household("") == ""
