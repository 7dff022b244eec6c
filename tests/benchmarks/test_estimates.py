from benchmarks import estimates
from benchmarks.estimates import Measured
from benchmarks.measuring import Options


def test_each_run_is_estimated_and_then_timed(tiny: Options):
    report = estimates.run(tiny)
    assert [row[0] for row in report.rows] == ["first ever", "again"]
    for _, low, expected, high, truth, ratio, *_ in report.rows:
        assert 0 < low <= expected <= high and truth > 0
        assert (ratio == 1) <= (low <= truth <= high)


def test_a_range_counts_with_its_nearest_end_and_a_single_figure_as_it_is():
    assert Measured("x", 10, 20, 40, truth=30, cores=1).ratio == 1
    assert Measured("x", 10, 20, 40, truth=80, cores=1).ratio == 0.5
    assert Measured("x", 10, 20, 40, truth=5, cores=1).ratio == 2
    assert Measured("x", 18, 20, 22, truth=25, cores=1).ratio == 0.8
