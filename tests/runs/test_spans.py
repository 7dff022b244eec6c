"""Spans add up: errors of parts cancel out in part, a load is common to all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.machine import Available, whole_machine
from tl_core.runs.spans import NOTHING, Part, add_up

WHOLE = whole_machine()
parts = st.builds(Part, st.floats(0.01, 1e4), st.just(1.0), st.floats(1, 3))


@given(st.lists(parts, min_size=1, max_size=6))
def test_a_sum_is_surer_than_its_least_sure_part_and_expects_their_sum(some: list[Part]):
    span = add_up([*some, Part(1000.0, 1.0, 1.0)], WHOLE)
    assert span.low <= span.expected <= span.high
    assert span.expected == pytest.approx(1000 + sum(part.processor for part in some))
    widest = max(part.factor for part in some)
    assert span.high / span.expected <= max(widest, 1.001) * (1 + 1e-3)


@given(st.lists(parts, min_size=1, max_size=6))
def test_a_busy_machine_takes_longer_and_is_less_sure(some: list[Part]):
    quiet = add_up(some, WHOLE)
    busy = add_up(some, Available(0.5, 0.5))
    assert busy.expected == pytest.approx(2 * quiet.expected)
    assert busy.high / busy.low > 1.7


def test_nothing_to_do_takes_no_time():
    assert add_up([], WHOLE) == NOTHING
    assert Part(2.0, 1.0, 1.1, waited=1.0).times(3).seconds(WHOLE) == 9.0


def test_a_run_of_many_equal_parts_is_told_as_one_figure():
    span = add_up([Part(10.0, 1.0, 1.25)] * 4, WHOLE)
    assert span.is_sure and span.say() == "about 40 seconds"
