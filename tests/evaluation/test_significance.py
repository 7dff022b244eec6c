from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tl_core.evaluation import NotComparable, compare, compare_best, holm
from tl_core.evaluation.significance import p_values_of_pairs
from tl_core.records import Prediction


def run_of(right, labels=None, sure=0.8):
    """Predictions of two classes that are right where `right` says so."""
    labels = [0] * len(right) if labels is None else labels
    rows = ((sure, 1 - sure), (1 - sure, sure))
    return [
        Prediction(i, t, rows[t if ok else 1 - t])
        for i, (t, ok) in enumerate(zip(labels, right, strict=True))
    ]


marks = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 1)), min_size=1, max_size=80
)


@given(marks)
def test_what_one_alone_has_right_decides(rows):
    first, second, labels = (list(column) for column in zip(*rows, strict=True))
    found = compare(run_of(first, labels), run_of(second, labels)[::-1])
    only = (
        sum(a and not b for a, b in zip(first, second, strict=True)),
        sum(b and not a for a, b in zip(first, second, strict=True)),
    )
    assert (found.only_first, found.only_second, found.n) == (*only, len(rows))
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))
    assert found.low <= found.difference <= found.high and found.low < found.high
    assert found.p_value == pytest.approx(binomtest(only[0], sum(only)).pvalue if sum(only) else 1)
    assert found.is_real == (found.p_value < 0.05 and not found.low <= 0 <= found.high)


shares = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 300))


@given(shares, st.sampled_from([1, 190]))
def test_a_difference_is_only_called_none_beside_an_interval_that_holds_0(counts, pairs):
    only_first, only_second, both = counts
    first = run_of([True] * only_first + [False] * only_second + [True] * both)
    second = run_of([False] * only_first + [True] * only_second + [True] * both, sure=0.9)
    found = compare(first, second)
    found = replace(found, p_value=min(1, pairs * found.p_value), pairs=pairs)
    holds_0, sentence = found.low <= 0 <= found.high, found.say()
    assert sentence.startswith("Not shown to differ: ") == holds_0
    assert (
        sentence.startswith("Not certain")
        == found.is_uncertain
        == (not holds_0 and not found.is_real)
    )
    assert ("corrected for 190 pairs" in sentence) == (found.is_uncertain and pairs > 1)


def test_a_test_and_an_interval_that_contradict_each_other_are_both_told():
    first = run_of([True] * 9 + [False] * 2 + [True] * 49)
    second = run_of([False] * 9 + [True] * 2 + [True] * 49)
    assert compare(first, second).say() == (
        "Not certain that the first is better: 11.7 points, 95 % interval 0.2 to 23.3, but by "
        "McNemar's test it could be chance (p = 0.065), n = 60."
    )
    assert (
        compare(second, first)
        .say()
        .startswith("Not certain that the second is better: 11.7 points, 95 % interval")
    )


def test_the_other_way_round_it_says_the_same():
    first, second = run_of([True] * 90 + [False] * 10), run_of([True] * 60 + [False] * 40)
    assert (
        compare(first, second).say().startswith("The first is better: 30.0 points, 95 % interval 2")
    )
    assert compare(second, first).say(second="run 7").startswith("Run 7 is better: 30.0 points")
    assert (
        compare(second, first)
        .say()
        .startswith("The second is better: 30.0 points, 95 % interval 2")
    )
    assert compare(first, second).say().endswith("n = 100.")


def test_no_difference_is_told_in_figures():
    chance = np.random.default_rng(1)
    first, second = (run_of(list(chance.random(380) < 0.9)) for _ in range(2))
    sentence = compare(first, second).say()
    assert sentence.startswith("Not shown to differ: ")
    assert sentence.endswith(" points is possible with 380 images.")
    assert "-" not in sentence


def test_what_remains_possible_is_told_from_the_side_that_was_right_more_often():
    one = run_of([True] * 9 + [False] * 6 + [True] * 9)
    other = run_of([False] * 9 + [True] * 6 + [True] * 9)
    there = compare(one, other).say("run a", "run b")
    back = compare(other, one).say("run b", "run a")
    assert there.startswith("Not shown to differ: 12.5 points more for run a, but anything from −")
    assert " to +" in there
    assert back.split("anything")[0] == there.split("anything")[0]
    even = compare(run_of([True, False, True]), run_of([False, True, True])).say()
    assert even.startswith("Not shown to differ: both are right equally often, but anything from −")


def test_runs_that_no_image_tells_apart_may_still_differ_on_others():
    right = [True] * 59 + [False]
    found = compare(run_of(right), run_of(right, sure=0.9))
    assert not found.is_real and -found.low == found.high == pytest.approx(0.045, abs=0.001)
    assert found.say() == (
        "Not shown to differ: both are right, and wrong, on the very same of 60 images, but on "
        "others they may be up to 4.5 points apart either way (95 % interval)."
    )
    more = [True] * 590 + [False] * 10
    assert compare(run_of(more), run_of(more, sure=0.9)).high < found.high / 3


def test_the_same_model_tested_twice_is_known_by_its_probabilities():
    right = [True] * 59 + [False]
    found = compare(run_of(right), run_of(right)[::-1])
    assert found.is_same_model and not found.is_real
    assert found.say() == "The same model: both give 60 test images the very same probabilities."
    assert not compare(run_of(right, sure=0.99999), run_of(right, sure=0.999995)).is_same_model


@pytest.mark.parametrize("n", [60, 380])
def test_two_equally_good_runs_come_out_as_no_difference_in_95_of_100_trials(n):
    chance = np.random.default_rng(n)
    real = 0
    for _ in range(100):
        easy = chance.beta(4, 1, n)  # some images are easy for every seed
        first, second = (run_of(list(chance.random(n) < easy)) for _ in range(2))
        real += compare(first, second).is_real
    assert real <= 5


@pytest.mark.parametrize(("runs", "trials"), [(2, 2000), (20, 1000)])
def test_the_best_of_many_equally_good_runs_seldom_seems_better_than_any(runs, trials):
    chance, false = np.random.default_rng(runs), 0
    for _ in range(trials):
        right = chance.random((runs, 380)) < chance.beta(4, 1, 380)
        best = right.sum(1).argmax()
        false += p_values_of_pairs(right)[best].min() < 0.05
    assert false / trials < 0.05 + 2 * (0.05 * 0.95 / trials) ** 0.5


def test_the_best_stands_beside_each_other_run_with_p_values_for_all_pairs():
    sides = [run_of([True] * (60 - wrong) + [False] * wrong) for wrong in (0, 20, 9, 12)]
    found = compare_best(sides)
    p_values = {(i, j): compare(sides[i], sides[j]).p_value for i in range(4) for j in range(i)}
    corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    assert [each.p_value for each in found] == pytest.approx([corrected[i, 0] for i in (1, 2, 3)])
    assert {each.pairs for each in found} == {6}
    assert [each.only_first for each in found] == [20, 9, 12]
    assert compare_best(sides[:2]) == [compare(*sides[:2])]


def test_a_large_difference_is_found():
    chance, found = np.random.default_rng(1), 0
    for _ in range(20):
        found += compare(
            run_of(list(chance.random(380) < 0.9)), run_of(list(chance.random(380) < 0.75))
        ).is_real
    assert found == 20


@pytest.mark.parametrize(("first", "second"), [
    (run_of([True] * 3), run_of([True] * 4)), (run_of([True], [0]), run_of([True], [1])), ([], []),
])  # fmt: skip
def test_runs_that_were_tested_on_other_images_are_not_compared(first, second):
    with pytest.raises(NotComparable, match="not tested on the same images"):
        compare(first, second)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_p_values_keep_the_order_and_the_smallest_is_times_all(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [corrected[i] for i in order] == sorted(corrected)
    if p_values:
        assert min(corrected) == min(1, len(p_values) * min(p_values))


def test_holms_p_values_are_as_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
