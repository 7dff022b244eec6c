"""Logarithmic axes have few ticks, which are round and written in full."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tl_core.charts.log_axis import log_axis

POSITIVE = st.floats(1e-3, 1e12)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_a_few_round_ticks_lie_within_the_axis_and_around_all_values(values):
    axis = log_axis(values, "{:.6g}".format)
    low, high = axis["range"]
    assert all(low < math.log10(value) < high for value in values)
    ticks = axis["tickvals"]
    assert 2 <= len(ticks) <= 6 and ticks == sorted(ticks)
    assert all(10**low * 0.999 <= tick <= 10**high * 1.001 for tick in ticks)
    # Round: at most two digits that are not zero.
    assert all(len(f"{tick:.6e}".split("e")[0].replace(".", "").rstrip("0")) <= 3 for tick in ticks)
    assert len(set(axis["ticktext"])) == len(ticks)


def test_ticks_are_no_bare_digits_between_powers_of_ten():
    assert log_axis([2562, 1_020_142], str)["tickvals"] == [10_000, 100_000, 1_000_000]
    assert log_axis([12, 15, 22], str)["tickvals"] == [10, 15, 20, 25]
