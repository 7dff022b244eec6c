from benchmarks import depth
from benchmarks.measuring import Options


def test_each_depth_is_trained_with_the_cache_and_without_beside_its_unfrozen_part(tiny: Options):
    report = depth.run(tiny)
    depths = sorted({row[0] for row in report.rows})
    assert len(depths) == 2 and depths[1] == depths[0] + 1
    assert [row[:2] for row in report.rows] == [
        (stages, way) for stages in depths for way in depth.OWN
    ]
    for _, way, first, later, total, times, peak in report.rows:
        assert min(first, later, peak) > 0 and total > first
        assert way != depth.FLOOR or times == 1
