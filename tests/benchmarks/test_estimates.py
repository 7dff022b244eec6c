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
    def ratio(low: float, high: float, truth: float) -> float:
        around = {"cores": 1.0, "work": 1.0, "worked": 1.0, "others": 0.0, "stages": {}}
        return Measured("x", low, 20, high, truth=truth, **around).ratio

    assert ratio(10, 40, 30) == 1
    assert ratio(10, 40, 80) == 0.5
    assert ratio(10, 40, 5) == 2
    assert ratio(18, 22, 25) == 0.8
