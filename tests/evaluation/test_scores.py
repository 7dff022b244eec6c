"""Figures are scikit-learn's, and their intervals hold what they promise."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from tl_core.errors import Diverged, RunNotReady
from tl_core.evaluation import judge, scores
from tl_core.evaluation.scores import _as_tables, _resampled_counts
from tl_core.records import Prediction

FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "log_loss",
)


def predictions_of(labels, probabilities):
    rows = zip(labels, probabilities, strict=True)
    return [
        Prediction(i, int(label), tuple(map(float, row))) for i, (label, row) in enumerate(rows)
    ]


def said_of(n, classes, seed, rounding=None, occurring=None):
    """Some predictions that know something; rounded ones have ties."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(occurring or classes, size=n)
    logits = chance.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels] * chance.random(
        (n, 1)
    )
    if rounding is not None:
        logits = logits.round(rounding)
    powers = np.exp(logits)
    return predictions_of(labels, powers / powers.sum(1, keepdims=True))


some = st.builds(
    said_of,
    st.integers(1, 60),
    st.integers(2, 6),
    st.integers(0, 2**31),
    st.sampled_from([None, 0]),
    st.sampled_from([None, 1, 2]),
)


@given(some, st.integers(0, 5))
@settings(max_examples=50)
def test_figures_are_scikit_learns_and_lie_in_their_intervals(predictions, majority):
    true, predicted = [p.true for p in predictions], [p.predicted for p in predictions]
    probabilities = np.array([p.probabilities for p in predictions])
    said, macro = judge(predictions, majority), {"average": "macro", "zero_division": 0}
    assert said.n == len(predictions)
    assert said.accuracy.value == pytest.approx(sk.accuracy_score(true, predicted))
    shares = list(zip(true, predicted, strict=True))
    recalls = [np.mean([a == b for a, b in shares if a == k]) for k in set(true)]
    assert said.balanced_accuracy.value == pytest.approx(
        np.mean(recalls)
    )  # scikit-learn's warns where classes lack
    assert said.precision_macro.value == pytest.approx(sk.precision_score(true, predicted, **macro))
    assert said.recall_macro.value == pytest.approx(sk.recall_score(true, predicted, **macro))
    assert said.f1_macro.value == pytest.approx(sk.f1_score(true, predicted, **macro))
    labels = range(probabilities.shape[1])
    assert said.log_loss.value == pytest.approx(sk.log_loss(true, probabilities, labels=labels))
    assert said.majority_accuracy == pytest.approx(np.mean(np.array(true) == majority))
    assert said.chance == 1 / probabilities.shape[1]
    areas = [
        sk.roc_auc_score(np.array(true) == k, probabilities[:, k])
        for k in labels
        if 0 < true.count(k) < len(true)
    ]
    if areas:
        assert said.roc_auc.value == pytest.approx(np.mean(areas))
        assert 0 <= said.roc_auc.low <= said.roc_auc.value <= said.roc_auc.high <= 1 + 1e-12
        assert said.roc_auc.low < said.roc_auc.high
    else:
        assert said.roc_auc is None
    for figure in (getattr(said, name) for name in FIGURES):
        assert figure.low <= figure.value <= figure.high and figure.low < figure.high


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "RESAMPLES", 250)


@pytest.mark.usefixtures("few_resamples")
def test_an_interval_holds_the_true_figure_in_about_95_of_100_cases():
    truth = judge(said_of(20_000, 3, seed=1), 0)
    samples = [judge(said_of(150, 3, seed=100 + i), 0) for i in range(200)]
    for name in (*FIGURES, "roc_auc"):
        true, figures = getattr(truth, name).value, [getattr(sample, name) for sample in samples]
        assert 178 <= sum(figure.low <= true <= figure.high for figure in figures) <= 199, name


@pytest.mark.parametrize(("n", "classes", "skill"), [(36, 3, 4.0), (6, 2, 3.0)])
def test_also_with_few_images_and_hardly_a_mistake_an_interval_holds_the_true_figure(
    n, classes, skill
):
    def sample(n, seed):
        chance, labels = np.random.default_rng(seed), np.arange(n) % classes
        powers = np.exp(chance.normal(size=(n, classes)) + skill * np.eye(classes)[labels])
        return judge(predictions_of(labels, powers / powers.sum(1, keepdims=True)), 0)

    truth, samples = sample(3_000, 1), [sample(n, 100 + i) for i in range(40)]
    for name in (*FIGURES[1:], "roc_auc"):
        true, figures = getattr(truth, name).value, [getattr(one, name) for one in samples]
        assert sum(figure.low <= true <= figure.high for figure in figures) >= 37, name


@pytest.mark.parametrize(("n", "classes"), [(36, 3), (2, 2), (60, 20), (300, 3)])
def test_with_all_right_and_classes_of_one_size_the_figures_are_as_sure_as_accuracy(n, classes):
    labels = np.arange(n) % classes
    said = judge(predictions_of(labels, 0.02 + 0.9 * np.eye(classes)[labels]), 0)
    for name in ("balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"):
        figure = getattr(said, name)
        assert (figure.low, figure.high) == pytest.approx((said.accuracy.low, 1)), name
    assert 0 < said.roc_auc.low < said.roc_auc.high == 1 and said.log_loss.low < said.log_loss.high


def test_a_model_that_always_answers_the_same_has_a_balanced_accuracy_as_unsure_as_its_accuracy():
    said = judge(predictions_of(np.arange(36) % 4, [[0.4, 0.2, 0.2, 0.2]] * 36), 0)
    balanced = said.balanced_accuracy
    assert (balanced.low, balanced.high) == pytest.approx((said.accuracy.low, said.accuracy.high))


def test_the_same_predictions_give_the_same_intervals():
    predictions = said_of(80, 4, seed=5)
    assert judge(predictions, 0) == judge(predictions, 0)


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.slow
def test_two_hundred_classes_and_ten_thousand_images_are_judged():
    said = judge(said_of(10_000, 200, seed=2), 0)
    assert said.n == 10_000 and said.roc_auc.low < said.roc_auc.value < said.roc_auc.high


def test_resampling_many_classes_takes_no_memory_to_speak_of():
    """Of 1,000 resamples a matrix each would be 2 GB."""
    labels = np.arange(500)
    predictions = predictions_of(labels, np.full((500, 500), 0.002))
    tracemalloc.start()
    judging = _resampled_counts(_as_tables(predictions, "image"), 500, 0)
    assert sum(counts.true.sum() == 500 for counts in judging) == 1_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@given(some, st.integers(0, 9))
@settings(max_examples=20)
def test_resamples_are_matrices_of_images_drawn_anew(predictions, seed):
    k, n = len(predictions[0].probabilities), len(predictions)
    tables = _as_tables(predictions, "image")
    cells, counts = np.unique(tables.labels * k + tables.answers, return_counts=True)
    all_drawn = np.random.default_rng(seed).multinomial(n, counts / n, 1_000)
    for drawn, found in zip(all_drawn, _resampled_counts(tables, k, seed), strict=True):
        matrix = np.zeros(k * k)
        matrix[cells] = drawn
        matrix = matrix.reshape(k, k)
        for ours, its in (
            (found.right, matrix.diagonal()),
            (found.predicted, matrix.sum(0)),
            (found.true, matrix.sum(1)),
        ):
            assert np.array_equal(ours, its)


def test_one_image_and_an_answer_that_was_called_impossible_have_finite_figures():
    said = judge(predictions_of([0], [[0.0, 1.0]]), 0)
    assert said.accuracy.value == 0 and said.roc_auc is None
    assert 0 < said.accuracy.high < 1 and np.isfinite(said.log_loss.value)


def test_without_predictions_or_numbers_there_are_no_figures_but_a_sentence():
    with pytest.raises(RunNotReady, match="no predictions"):
        judge([], 0)
    with pytest.raises(Diverged, match="For 1 of 2 images"):
        judge(predictions_of([0, 1], [[0.5, 0.5], [float("nan"), 0.2]]), 0)


def test_that_all_were_right_is_no_certainty():
    perfect = judge(
        predictions_of([0, 0, 1, 1], [(0.9, 0.1), (0.8, 0.2), (0.1, 0.9), (0.2, 0.8)]), 0
    )
    figures = (
        perfect.accuracy,
        perfect.balanced_accuracy,
        perfect.f1_macro,
        perfect.roc_auc,
        perfect.log_loss,
    )
    assert all(figure.low < figure.high for figure in figures)
