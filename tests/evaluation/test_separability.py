"""The answer before training holds its figures, and its words follow from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation.intervals import wilson_interval
from tl_core.evaluation.separability import measure_separability
from tl_core.text import percent

CLASSES = ("cat", "dog", "owl")


def measure(pairs: list[tuple[int, int]]):
    labels, answers = np.array(pairs).T
    return measure_separability(labels, answers, CLASSES)


@pytest.mark.parametrize(
    "right, verdict",
    [
        (300, "Yes, nearly perfectly"),
        (250, "Yes, mostly"),
        (190, "Partly"),
        (145, "Only a little"),
        (100, "Not by these features"),
    ],
)
def test_the_verdict_follows_from_the_accuracy_above_the_baseline(right: int, verdict: str):
    pairs = [(i % 3, i % 3 if i < right else (i + 1) % 3) for i in range(300)]
    assert measure(pairs).sentence.startswith(f"{verdict}: ")


def test_most_of_a_large_class_is_no_answer():
    pairs = [(0, 0)] * 90 + [(1, 0)] * 5 + [(2, 0)] * 5
    assert measure(pairs).sentence.startswith("Not by these features: ")


def test_a_single_class_has_nothing_to_be_told_from():
    assert measure([(0, 0)] * 9).sentence.startswith("Not by these features: ")


def test_the_worst_confusions_are_named_with_their_class_in_quotes():
    pairs = [(0, 0)] * 20 + [(1, 2)] * 6 + [(1, 1)] * 4 + [(2, 0)] * 1 + [(2, 2)] * 19
    sentence = measure(pairs).sentence
    assert '"dog" taken for "owl" (6 of 10 images) and "owl" taken for "cat" (1 of 20' in sentence


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_every_figure_is_that_of_the_answers(pairs: list[tuple[int, int]]):
    found = measure(pairs)
    right = sum(true == answer for true, answer in pairs)
    assert (found.right, found.n) == (right, len(pairs))
    low, high = wilson_interval(right, len(pairs))
    assert f"{right} of {len(pairs)} images" in found.sentence
    assert f"interval {percent(low)} to {percent(high)}" in found.sentence
    assert ("Mixed up most" in found.sentence) == (right < len(pairs))
