from benchmarks import decode
from benchmarks.measuring import Options


def test_each_way_decodes_small_and_large_images_to_nearly_the_same_pixels(tiny: Options):
    report = decode.run(tiny)
    assert len(report.rows) == 2 * 2 * len(decode.WAYS)
    for _, threads, way, rate, times, difference, peak in report.rows:
        assert threads in (1, 2) and rate > 0 and peak > 0
        assert way != decode.PEER or (times, difference) == (1, 0)
        assert difference < 1
