from benchmarks import live
from benchmarks.measuring import Options


def test_a_run_with_the_preview_stands_beside_one_without_and_has_the_same_results(tiny: Options):
    report = live.run(tiny)
    assert [row[1] for row in report.rows] == [live.WITH, live.WITHOUT]
    for row in report.rows:
        assert all(seconds > 0 for seconds in row[2:5]) and row[-1] == "yes"
    assert report.rows[1][5:7] == (1, 1) and report.rows[1][7] == 0
