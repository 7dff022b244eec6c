import pytest

from benchmarks import classroom
from benchmarks.classroom import TINY
from benchmarks.measuring import Options


@pytest.mark.slow
def test_a_class_joins_trains_and_leaves_and_nothing_is_lost(tiny: Options):
    report = classroom.run(tiny)
    assert report.raw["complaints"] == []
    students = {f"Student {n + 1}" for n in range(TINY.sessions + TINY.pages)}
    assert set(report.raw["runs"].values()) == students
    assert report.raw["finished"] == len(report.raw["runs"])
    assert (report.raw["uploads"], report.raw["returns"]) == (1, 1)
    kinds = report.rows[1:]
    assert {"press Train", "press Train (Chromium)", "change a setting", "refresh"} <= {
        kind for kind, *_ in kinds
    }
    for _, n, median, high, longest in report.rows:
        assert n > 0 and 0 < median <= high <= longest
    before, after = report.raw["memory"]["before"], report.raw["memory"]["after"]
    assert min(before["server"], after["server"]) > 100
