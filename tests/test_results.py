"""What a finished run has shown, from the store alone; and how runs compare."""

from dataclasses import replace

import numpy as np
import pytest
from making_runs import run_config

from tl_core.errors import RunNotReady
from tl_core.evaluation import NotComparable, judge_fit
from tl_core.records import BEST_VAL, Prediction, RunState
from tl_core.results import compare_runs, most_confused, results_of, what_differs


def test_a_run_says_all_its_figures(finished):
    workspace, run = finished
    found = results_of(workspace.store, run.id)
    assert found.test.n == run.result.n and found.test.accuracy.value == pytest.approx(run.result.accuracy)
    assert found.test.f1_macro.value == pytest.approx(run.result.f1_macro)
    assert found.test.log_loss.value == pytest.approx(run.result.loss, rel=1e-5)
    assert found.test.majority_accuracy == pytest.approx(run.result.baseline_accuracy)
    assert found.val.accuracy.value == pytest.approx(run.val_accuracy)
    assert found.val.n == run.facts["splits"]["val"] == found.calibration.n_fitted
    assert [figures.label for figures in found.of_classes] == [0, 1, 2]
    assert found.classes == ("blue", "green", "red")
    _, val = workspace.store.list_predictions(run.id, BEST_VAL)
    assert found.fit == judge_fit(run, workspace.store.list_metrics(run.id), val, 3)
    assert run.facts["train_check"]["n"] == run.facts["splits"]["train"]
    assert "The kept model" in found.fit.sentence and "of 18 training images" in found.fit.sentence


def test_the_validation_answers_of_the_best_epoch_are_kept(finished):
    workspace, run = finished
    epoch, predictions = workspace.store.list_predictions(run.id, BEST_VAL)
    assert epoch == run.best_epoch
    assert np.mean([p.is_right for p in predictions]) == pytest.approx(run.val_accuracy)


def test_a_run_that_was_not_tested_has_no_figures(workspace, colours):
    run = workspace.store.add_run(run_config(colours), colours.name)
    with pytest.raises(RunNotReady, match=f"Run {run.id} is queued and has not been tested"):
        results_of(workspace.store, run.id)


def test_what_is_mixed_up_most_comes_first():
    answers = [(0, 1), (0, 1), (0, 0), (1, 2), (2, 2)]
    predictions = [
        Prediction(i, true, tuple(float(k == said) for k in range(3))) for i, (true, said) in enumerate(answers)
    ]
    found = [(pair.true, pair.answer, pair.n, pair.of) for pair in most_confused(predictions, "abc")]
    assert found == [("a", "b", 2, 3), ("b", "c", 1, 1)]


# Several runs


@pytest.fixture
def add_run(workspace, colours, finished):
    """Adds a run that was tested on so many images, and had the first of them wrong."""
    _, model = finished

    def add(n_wrong, n=100, test_set="the same", **settings):
        facts = {"classes": list(colours.classes), "split_fingerprint": {"test": test_set}}
        run = workspace.store.add_run(run_config(colours, **settings), colours.name, facts)
        workspace.store.claim_next_run()
        rows = [Prediction(i, 0, (0.1, 0.9, 0.0) if i < n_wrong else (0.8, 0.2, 0.0)) for i in range(n)]
        workspace.store.put_predictions(run.id, "test", 1, rows)
        workspace.store.update_run(run.id, result=replace(model.result, n=n, accuracy=1 - n_wrong / n))
        workspace.store.finish_run(run.id, RunState.COMPLETED)
        return run.id

    return add


def test_the_best_run_stands_first_with_the_others_beside_it(workspace, add_run):
    worst, best, middle = add_run(40, epochs=3), add_run(5), add_run(8, seed=1)
    (group,) = compare_runs(workspace.store, [worst, best, middle])
    assert group.best.id == best
    assert [(run.id, found.is_real) for run, found in group.others] == [(middle, False), (worst, True)]
    assert group.others[0][1].say().startswith("No real difference: 3.0 points")
    assert group.others[1][1].say().startswith("The first is better: 35.0 points")


def test_of_several_comparisons_each_has_to_be_clearer(workspace, add_run):
    best, others = add_run(0), [add_run(8, seed=i) for i in range(1, 11)]
    (alone,) = compare_runs(workspace.store, [best, others[0]])
    assert alone.others[0][1].is_real
    (many,) = compare_runs(workspace.store, [best, *others])
    assert not any(found.is_real for _, found in many.others)
    pairs = 11 * 10 // 2  # the best was picked from the data, so all of them count
    assert many.others[0][1].p_value == pytest.approx(pairs * alone.others[0][1].p_value)
    assert "but by McNemar's test it could be chance (p = 0.43, corrected for 55 pairs" in many.others[0][1].say()


def test_runs_with_other_test_sets_are_not_ranked_beside_each_other(workspace, add_run):
    one, two, other = add_run(5), add_run(9), add_run(1, test_set="another")
    groups = compare_runs(workspace.store, [other, one, two])
    assert [(g.best.id, [run.id for run, _ in g.others]) for g in groups] == [(one, [two]), (other, [])]


def test_what_differs_between_runs_is_named(workspace, add_run):
    runs = [workspace.store.get_run(add_run(1, **given)) for given in ({}, {"epochs": 9}, {"epochs": 9, "flip": True})]
    assert what_differs(runs) == {"epochs": [2, 9, 9], "flip": [False, False, True]}


def test_one_run_or_twenty_one_are_no_comparison(workspace, add_run):
    one = add_run(1)
    with pytest.raises(NotComparable, match="1 run cannot be compared: name from 2 to 20"):
        compare_runs(workspace.store, [one, one])
