"""Figures are scikit-learn's, and none is shown that there is no ground for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tl_core.evaluation import Outputs, class_figures, confusion_matrix, summarise, wilson_interval
from tl_core.evaluation.predict import right_answers
from tl_core.records import Prediction


@st.composite
def outputs(draw: st.DrawFn) -> Outputs:
    n, classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    logits = torch.randn(n, classes, generator=generator, dtype=torch.double) * draw(
        st.floats(0.01, 3)
    )
    labels = torch.randint(draw(st.integers(1, classes)), (n,), generator=generator)
    return Outputs(logits, labels, tuple(torch.randperm(1000, generator=generator)[:n].tolist()))


@given(outputs(), st.integers(0, 5))
def test_figures_are_scikit_learns(said: Outputs, majority: int):
    true, predicted = said.labels.numpy(), said.logits.argmax(1).numpy()
    result = summarise(said, majority)
    assert result.n == len(true)
    assert result.accuracy == pytest.approx(sk.accuracy_score(true, predicted))
    for figure, reference in (
        (result.precision_macro, sk.precision_score),
        (result.recall_macro, sk.recall_score),
        (result.f1_macro, sk.f1_score),
    ):
        assert figure == pytest.approx(reference(true, predicted, average="macro", zero_division=0))
    probabilities = said.logits.softmax(1).numpy()
    assert result.loss == pytest.approx(
        sk.log_loss(true, probabilities, labels=range(said.logits.shape[1])), rel=1e-6, abs=1e-9
    )
    assert result.baseline_accuracy == pytest.approx(
        sk.accuracy_score(true, np.full_like(true, majority))
    )


@given(outputs())
def test_the_matrix_and_each_class_are_scikit_learns(said: Outputs):
    predictions, classes = said.predictions(), said.logits.shape[1]
    true, predicted = [p.true for p in predictions], [p.predicted for p in predictions]
    assert np.array_equal(
        confusion_matrix(predictions, classes),
        sk.confusion_matrix(true, predicted, labels=range(classes)),
    )
    reference = zip(
        *sk.precision_recall_fscore_support(
            true, predicted, labels=range(classes), zero_division=np.nan
        ),
        strict=True,
    )
    for k, (ours, theirs) in enumerate(
        zip(class_figures(predictions, classes), reference, strict=True)
    ):
        assert (ours.label, ours.n) == (k, theirs[3])
        for figure, expected in zip(
            (ours.precision, ours.recall, ours.f1), theirs[:3], strict=True
        ):
            assert (figure is None) if np.isnan(expected) else (figure == pytest.approx(expected))


@given(outputs())
def test_predictions_are_the_outputs_in_order_of_position(said: Outputs):
    predictions = said.predictions()
    assert [p.position for p in predictions] == sorted(said.positions)
    for p in predictions:
        row = said.positions.index(p.position)
        assert p.true == said.labels[row] and p.probabilities == pytest.approx(
            said.logits[row].softmax(0).tolist()
        )
        assert sum(p.probabilities) == pytest.approx(1)
    assert said.accuracy == pytest.approx(np.mean([p.is_right for p in predictions]))


@given(outputs(), st.data())
def test_what_is_not_a_number_is_wrong_wherever_right_answers_are_counted(
    said: Outputs, data: st.DataObject
):
    logits = said.logits.clone()
    for row in data.draw(st.sets(st.integers(0, len(logits) - 1), min_size=1)):
        wrong = data.draw(st.sampled_from([torch.nan, torch.inf, -torch.inf]))
        logits[
            row,
            data.draw(st.integers(0, logits.shape[1] - 1)) if wrong != -torch.inf else slice(None),
        ] = wrong
    broken = replace(said, logits=logits)
    predictions, n = broken.predictions(), len(logits)
    right = sum(p.is_right for p in predictions)
    figures, matrix = (
        class_figures(predictions, logits.shape[1]),
        confusion_matrix(predictions, logits.shape[1]),
    )
    assert right == sum(p.is_right and p.is_number for p in predictions) == matrix.trace()
    assert int(right_answers(logits, said.labels).sum()) == right
    assert summarise(broken, 0).accuracy == broken.accuracy == pytest.approx(right / n)
    assert sum(figure.n for figure in figures) == n
    assert sum((figure.recall or 0) * figure.n for figure in figures) == pytest.approx(right)


def test_a_class_that_is_impossible_is_still_an_answer():
    assert right_answers(torch.tensor([[-torch.inf, 0.0]]), torch.tensor([1])).tolist() == [True]


shares = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_an_interval_holds_its_share_and_narrows_with_more_images(share: tuple[int, int]):
    right, n = share
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n <= high <= 1 and low < high
    ten_low, ten_high = wilson_interval(10 * right, 10 * n)
    assert ten_high - ten_low < high - low
    mirrored_low, mirrored_high = wilson_interval(n - right, n)
    assert (mirrored_low, mirrored_high) == pytest.approx((1 - high, 1 - low))


def test_an_interval_of_nothing_is_everything_and_a_known_one_is_as_published():
    assert wilson_interval(0, 0) == (0, 1)
    # Newcombe (1998), Table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)


@given(outputs())
def test_a_classs_figures_lie_in_their_intervals(said: Outputs):
    for figures in class_figures(said.predictions(), said.logits.shape[1]):
        for name in ("precision", "recall", "f1"):
            value, interval = getattr(figures, name), getattr(figures, f"{name}_interval")
            assert (value is None) == (interval is None)
            if interval:
                assert interval[0] - 1e-12 <= value <= interval[1] + 1e-12
                assert 0 <= interval[0] <= interval[1] <= 1


@pytest.mark.parametrize("shares", [(0.3, 0.05, 0.1, 0.55), (0.05, 0.05, 0.02, 0.88)])
def test_the_interval_of_f1_holds_the_true_one_in_about_95_of_100_cases(shares: tuple[float, ...]):
    """Draw images with these shares: true positive, false negative, false positive, negative."""
    found, missed, called, _ = shares
    truth, held = 2 * found / (2 * found + missed + called), 0
    for right, lost, wrong, rest in np.random.default_rng(0).multinomial(400, shares, 300):
        rows = [(1, 1)] * right + [(1, 0)] * lost + [(0, 1)] * wrong + [(0, 0)] * rest
        made = [
            Prediction(i, true, (1.0 - said, float(said))) for i, (true, said) in enumerate(rows)
        ]
        low, high = class_figures(made, 2)[1].f1_interval
        held += low <= truth <= high
    assert held >= 0.92 * 300
