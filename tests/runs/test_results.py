"""Results of a tested run, from the store alone."""

import numpy as np
import pytest
from making_runs import run_config

from tl_core.errors import RunNotReady
from tl_core.evaluation import judge_fit
from tl_core.records import BEST_VAL, Prediction
from tl_core.runs.results import most_confused, results_of


def test_a_run_says_all_its_figures(finished):
    workspace, run = finished
    found = results_of(workspace.store, run.id)
    assert found.test.n == run.result.n
    assert found.test.accuracy.value == pytest.approx(run.result.accuracy)
    assert found.test.f1_macro.value == pytest.approx(run.result.f1_macro)
    assert found.test.log_loss.value == pytest.approx(run.result.loss, rel=1e-5)
    assert found.test.majority_accuracy == pytest.approx(run.result.baseline_accuracy)
    assert found.val.accuracy.value == pytest.approx(run.val_accuracy)
    assert found.val.n == run.facts.splits.val == found.calibration.n_fitted
    assert [figures.label for figures in found.of_classes] == [0, 1, 2]
    assert found.classes == ("blue", "green", "red")
    _, val = workspace.store.list_predictions(run.id, BEST_VAL)
    assert found.fit == judge_fit(run, workspace.store.list_metrics(run.id), val, 3)
    assert run.facts.train_check.n == run.facts.splits.train
    assert "the kept model" in found.fit.sentence and "of 18 training images" in found.fit.sentence


def test_the_validation_predictions_of_the_best_epoch_are_kept(finished):
    workspace, run = finished
    epoch, predictions = workspace.store.list_predictions(run.id, BEST_VAL)
    assert epoch == run.best_epoch
    assert np.mean([p.is_right for p in predictions]) == pytest.approx(run.val_accuracy)


def test_a_run_that_was_not_tested_has_no_figures(workspace, colours):
    run = workspace.store.add_run(run_config(colours), colours.name)
    with pytest.raises(RunNotReady, match=f"Run {run.id} is queued and has not been tested"):
        results_of(workspace.store, run.id)


def test_the_most_frequent_confusion_comes_first():
    labels = [(0, 1), (0, 1), (0, 0), (1, 2), (2, 2)]
    predictions = [
        Prediction(i, true, tuple(float(k == predicted) for k in range(3)))
        for i, (true, predicted) in enumerate(labels)
    ]
    pairs = most_confused(predictions, "abc")
    assert [(pair.true, pair.answer, pair.n, pair.of) for pair in pairs] == [
        ("a", "b", 2, 3),
        ("b", "c", 1, 1),
    ]
