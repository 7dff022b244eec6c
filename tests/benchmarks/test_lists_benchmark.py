from benchmarks import lists
from benchmarks.measuring import Options


def test_each_list_stands_beside_reading_every_run(tiny: Options):
    report = lists.run(tiny)
    assert len(report.rows) == 4
    assert report.rows[0][2] == 1
    assert all(milliseconds > 0 for _, milliseconds, _ in report.rows)
