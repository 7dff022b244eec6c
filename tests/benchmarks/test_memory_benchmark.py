from benchmarks import memory
from benchmarks.measuring import Options


def test_both_ways_of_keeping_memory_are_measured(tiny: Options):
    report = memory.run(tiny)
    assert [row[0] for row in report.rows] == ["default", "kept"]
    assert all(value > 0 for row in report.rows for value in row[1:])
