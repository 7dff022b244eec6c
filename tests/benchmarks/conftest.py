"""Fixtures of the benchmark tests, which check that the tiny versions work, not their speed.

A file is named test_NAME_benchmark.py where another folder of tests has a test_NAME.py.
"""

from pathlib import Path

import pytest

from benchmarks.measuring import Options


@pytest.fixture
def tiny(tmp_path: Path) -> Options:
    return Options(tiny=True, rounds=1, out=tmp_path / "results", data=None)
