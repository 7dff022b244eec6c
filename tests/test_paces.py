"""Paces on disk: medians of the last measurements, by device, whatever happens to the file."""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.paces import Cost, PaceBook


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12))
def test_a_pace_is_the_median_of_the_last_measurements(seconds: list[float]):
    with TemporaryDirectory() as home:
        for each in seconds:
            PaceBook(Path(home), "CPU").add({"step": Cost(each)})
        pace = PaceBook(Path(home), "CPU").find("step")
    assert pace and pace.n == min(len(seconds), 7)
    assert pace.processor == pytest.approx(statistics.median(seconds[-7:]))
    assert pace.spread >= 1


def test_a_single_unusual_measurement_does_not_widen_the_spread(tmp_path: Path):
    book = PaceBook(tmp_path, "CPU")
    for seconds in (1.0, 1.1, 0.9, 1.0, 50.0):
        book.add({"test": Cost(seconds)})
    pace = book.find("test")
    assert pace and pace.processor == 1.0 and pace.spread < 1.3


def test_cores_that_were_seen_on_a_quiet_machine_count(tmp_path: Path):
    book = PaceBook(tmp_path, "CPU")
    book.add({"step": Cost(1.0, None)})
    assert book.find("step").cores is None
    book.add({"step": Cost(1.0, 1.5)})
    book.add({"step": Cost(1.0, 1.2)})
    assert book.find("step").cores == 1.5


def test_devices_are_kept_apart(tmp_path: Path):
    PaceBook(tmp_path, "CPU").add({"step": Cost(1.0)})
    assert PaceBook(tmp_path, "GPU").find("step") is None


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"'])
def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path: Path, content: str):
    (tmp_path / "paces.json").write_text(content)
    book = PaceBook(tmp_path, "CPU")
    assert book.find("step") is None
    book.add({"step": Cost(1.0)})
    assert PaceBook(tmp_path, "CPU").find("step")


def test_two_books_on_one_file_lose_nothing(tmp_path: Path):
    one = PaceBook(tmp_path, "CPU")
    other = PaceBook(tmp_path, "CPU")
    one.add({"step": Cost(1.0)})
    other.add({"test": Cost(2.0)})
    found = PaceBook(tmp_path, "CPU")
    assert found.find("step") and found.find("test")
