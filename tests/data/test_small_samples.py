"""Before a run it is said what few images will mean for its figures, and nothing where there are enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import image_record

from tl_core.config import DataConfig
from tl_core.data.small_samples import few_warnings, widest_interval
from tl_core.data.splits import make_split
from tl_core.evaluation.metrics import wilson_interval


@given(st.integers(1, 300))
def test_no_interval_of_a_run_is_wider_than_was_said(n: int):
    widths = [high - low for low, high in (wilson_interval(right, n) for right in range(n + 1))]
    assert max(widths) <= widest_interval(n) + 1e-3
    assert n % 2 or max(widths) == pytest.approx(widest_interval(n), abs=1e-3)


def test_six_images_say_what_their_figures_can_be():
    images = [image_record(i, f"{i:064x}", "ab"[i % 2]) for i in range(6)]
    said = " ".join(make_split(images, DataConfig(dataset_id="d")).warnings)
    assert "only 2 test images, the accuracy can only be 0, 50 or 100 %" in said
    assert "81 points wide" in said
    assert "only 2 validation images" in said
    assert 'Fewer than 5 training images: "a", "b".' in said


@pytest.mark.parametrize(
    ("n", "words"), [(1, "0 or 100 %"), (3, "0, 33, 67 or 100 %"), (20, "each is 5 % of")]
)
def test_what_an_accuracy_can_be_is_said(n: int, words: str):
    (said,) = few_warnings({"a": 50}, 50, n)
    assert words in said


@given(
    st.dictionaries(st.text(min_size=1), st.integers(5, 99), min_size=2),
    st.integers(10, 99),
    st.integers(30, 99),
)
def test_where_there_are_enough_nothing_is_said(n_train: dict[str, int], n_val: int, n_test: int):
    assert not list(few_warnings(n_train, n_val, n_test))
