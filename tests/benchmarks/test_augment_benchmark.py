from benchmarks import augment
from benchmarks.measuring import Options


def test_ours_stands_beside_torchvisions_for_each_change(tiny: Options):
    report = augment.run(tiny)
    on_cpu = [row for row in report.rows if str(row[0]).startswith("CPU")]
    assert len(on_cpu) == 2 * 3
    assert all(value > 0 for row in on_cpu for value in row[1:])
