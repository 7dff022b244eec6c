import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation import (
    answered,
    at_temperature,
    calibration_error,
    fit_temperature,
    reliability,
)
from tl_core.records import Prediction


def answers(n, seed, temperature=1.0, classes=4):
    """Of a model whose logits, divided by `temperature`, are right as often as they say."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(n, classes)) * 2

    def softmax(values):
        powers = np.exp(values - values.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    labels = [chance.choice(classes, p=row) for row in softmax(logits)]
    rows = softmax(logits * temperature).tolist()
    return [
        Prediction(i, int(label), tuple(row))
        for i, (label, row) in enumerate(zip(labels, rows, strict=True))
    ]


some = st.builds(answers, st.integers(1, 80), st.integers(0, 2**31), st.floats(0.3, 4))


@given(some, st.integers(1, 15))
def test_every_answer_is_in_one_bin_with_those_as_confident(predictions, n_bins):
    bins = reliability(predictions, n_bins)
    assert sum(b.n for b in bins) == len(predictions)
    for b in bins:
        inside = [p for p in predictions if b.low < p.confidence <= b.high]
        assert len(inside) == b.n
        assert b.accuracy == pytest.approx(np.mean([p.is_right for p in inside]))
        assert b.confidence == pytest.approx(np.mean([p.confidence for p in inside]))
        assert b.interval[0] <= b.accuracy <= b.interval[1]
    assert 0 <= calibration_error(bins) <= 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
def test_the_temperature_is_found_and_makes_the_model_as_sure_as_it_is_right(temperature):
    found = fit_temperature(answers(5_000, 1, temperature))
    assert found == pytest.approx(temperature, rel=0.08)
    test = answers(5_000, 2, temperature)
    assert calibration_error(reliability(at_temperature(test, found))) < 0.025
    if temperature != 1:
        assert calibration_error(reliability(test)) > 0.05


@given(some, st.floats(0.2, 10))
def test_a_temperature_changes_no_answer(predictions, temperature):
    for before, after in zip(predictions, at_temperature(predictions, temperature), strict=True):
        assert (before.position, before.true, before.predicted) == (
            after.position,
            after.true,
            after.predicted,
        )
        assert sum(after.probabilities) == pytest.approx(1)


def test_where_every_answer_is_right_no_temperature_can_be_found():
    sure, wrong = [Prediction(i, 0, (1.0, 0.0)) for i in range(5)], Prediction(5, 1, (1.0, 0.0))
    assert fit_temperature(sure) is None
    assert np.isfinite(fit_temperature([*sure, wrong]))


@given(some, st.lists(st.floats(0, 1), max_size=5))
def test_a_threshold_withholds_what_is_less_confident(predictions, thresholds):
    for left in answered(predictions, thresholds):
        kept = [p for p in predictions if p.confidence >= left.threshold]
        assert (left.n, left.right) == (len(kept), sum(p.is_right for p in kept))
