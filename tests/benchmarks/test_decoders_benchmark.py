import pytest

from benchmarks import decoders
from benchmarks.measuring import Options


def test_both_ways_import_folder_and_zip(tiny: Options):
    report = decoders.run(tiny)
    sources = ("folder of 30", "zip of 30")
    ways = [(source, way) for source in sources for way in (decoders.HERE, decoders.CHILDREN)]
    assert [row[:2] for row in report.rows] == ways
    for name, way, seconds, user, system, ratio in report.rows:
        assert seconds > 0 and user > 0 and system >= 0
        assert way == decoders.CHILDREN or ratio == pytest.approx(1)
        here, children = (report.raw[name][each] for each in (decoders.HERE, decoders.CHILDREN))
        assert len(here) == len(children) == 1
