"""Points that are not finite, too many or extreme do not spoil a chart's axes."""

import math

import pytest

from tl_core.charts.curve_axes import (
    MAX_BATCH_POINTS,
    TOWERS,
    UNTRAINED,
    curve_layout,
    cut_off,
    epoch_axis,
    finite,
    thinned,
)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_leaves_a_gap(value):
    assert finite(value) is None
    assert finite(0.5) == 0.5


@pytest.mark.parametrize("n", [0, 1, MAX_BATCH_POINTS, MAX_BATCH_POINTS + 1, 12_345])
def test_thinned_points_are_few_and_in_order(n):
    points = thinned(list(range(n)))
    assert len(points) <= max(MAX_BATCH_POINTS, 1) + 1
    assert points == sorted(set(points))
    assert set(points) <= set(range(n))


def test_only_values_far_above_the_usual_loss_are_cut_off_and_it_is_said():
    layout = curve_layout("Training step", "Loss (nats)")
    assert cut_off(layout, [[2.0, 1.0, 0.5]]) == ""
    extreme = 2 * TOWERS * UNTRAINED
    said = cut_off(layout, [[2.0, 1.0, extreme, 0.5]])
    assert "1 value" in said
    assert layout["yaxis"]["range"][1] < extreme


def test_the_axis_of_a_run_without_epochs_shows_all_that_will_come():
    assert epoch_axis(0, 8)["range"] == [0.5, 8.5]
