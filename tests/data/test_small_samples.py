"""Few images give warnings about a run's figures before it, enough images give none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import image_record

from tl_core.config import DataConfig
from tl_core.data.small_samples import few_warnings, widest_interval
from tl_core.data.splits import make_split
from tl_core.evaluation.metrics import wilson_interval


@given(st.integers(1, 300))
def test_no_interval_of_a_run_is_wider_than_announced(n: int):
    widths = [high - low for low, high in (wilson_interval(right, n) for right in range(n + 1))]
    assert max(widths) <= widest_interval(n) + 1e-3
    assert n % 2 or max(widths) == pytest.approx(widest_interval(n), abs=1e-3)


def test_warnings_about_six_images_name_the_possible_accuracies():
    images = [image_record(i, f"{i:064x}", "ab"[i % 2]) for i in range(6)]
    warnings = " ".join(make_split(images, DataConfig(dataset_id="d")).warnings)
    assert "only 2 test images, the accuracy can only be 0, 50 or 100 %" in warnings
    assert "81 points wide" in warnings
    assert "only 2 validation images" in warnings
    assert 'Fewer than 5 training images: "a", "b".' in warnings


@pytest.mark.parametrize(
    ("n", "words"), [(1, "0 or 100 %"), (3, "0, 33, 67 or 100 %"), (20, "each is 5 % of")]
)
def test_a_warning_names_the_possible_accuracies(n: int, words: str):
    (warning,) = few_warnings({"a": 50}, 50, n)
    assert words in warning


@given(
    st.dictionaries(st.text(min_size=1), st.integers(5, 99), min_size=2),
    st.integers(10, 99),
    st.integers(30, 99),
)
def test_enough_images_give_no_warning(n_train: dict[str, int], n_val: int, n_test: int):
    assert not list(few_warnings(n_train, n_val, n_test))
