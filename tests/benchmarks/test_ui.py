import shutil
import sys

import pytest

from benchmarks import ui
from benchmarks.measuring import Options

pytest.importorskip("playwright")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium"
)
def test_pages_are_opened_and_training_is_counted_with_a_watcher_and_without(tiny: Options):
    report = ui.run(tiny)
    assert [row[1:3] for row in report.rows] == [("process", 0), ("process", 1)]
    for row in report.rows:
        figures = dict(zip(report.columns, row, strict=True))
        assert (figures.pop("cores, browsers") > 0) == (figures["watchers"] > 0)
        assert figures.pop("cores, server") >= 0
        assert all(figure > 0 for figure in list(figures.values())[3:])
