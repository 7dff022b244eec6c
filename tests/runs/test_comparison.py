"""Comparison of tested runs on the same images, also across datasets."""

import secrets
from dataclasses import replace

import numpy as np
import pytest
from making_runs import run_config

from tl_core.config import make_run_config
from tl_core.evaluation import NotComparable, compare
from tl_core.facts import RunFacts, SplitFingerprints
from tl_core.records import DatasetRecord, ImageRecord, Prediction, RunState, TestResult
from tl_core.runs.comparison import (
    answers_side_by_side,
    compare_runs,
    share_images,
    what_differs,
    why_apart,
)


@pytest.fixture
def add_run(workspace, colours, finished):
    """Return a function that adds a tested run, wrong on the first `n_wrong` of `n` images."""
    _, model = finished

    def add(n_wrong, n=100, test_set="the same", **settings):
        prints = SplitFingerprints(train="train", val=secrets.token_hex(8), test=test_set)
        facts = RunFacts(classes=colours.classes, split_fingerprint=prints)
        run = workspace.store.add_run(run_config(colours, **settings), colours.name, facts)
        workspace.store.claim_next_run()
        rows = [
            Prediction(i, 0, (0.1, 0.9, 0.0) if i < n_wrong else (0.8, 0.2, 0.0)) for i in range(n)
        ]
        workspace.store.put_predictions(run.id, "test", 1, rows)
        workspace.store.update_run(
            run.id, result=replace(model.result, n=n, accuracy=1 - n_wrong / n)
        )
        workspace.store.finish_run(run.id, RunState.COMPLETED)
        return run.id

    return add


def test_the_best_run_stands_first_with_the_others_beside_it(workspace, add_run):
    worst = add_run(40, epochs=3)
    best = add_run(5)
    middle = add_run(8, seed=1)
    (group,) = compare_runs(workspace.store, [worst, best, middle])
    assert group.best.id == best
    assert [(run.id, found.is_real) for run, found in group.others] == [
        (middle, False),
        (worst, True),
    ]
    assert group.others[0][1].say().startswith("Not shown to differ: 3.0 points more")
    assert group.others[1][1].say().startswith("The first is better: 35.0 points")


def test_with_more_runs_each_comparison_needs_stronger_evidence(workspace, add_run):
    best = add_run(0)
    others = [add_run(8, seed=i) for i in range(1, 11)]
    (alone,) = compare_runs(workspace.store, [best, others[0]])
    assert alone.others[0][1].is_real
    (many,) = compare_runs(workspace.store, [best, *others])
    assert not any(found.is_real for _, found in many.others)
    # The best run is chosen by the same data, so all pairs count.
    pairs = 11 * 10 // 2
    assert many.others[0][1].p_value == pytest.approx(pairs * alone.others[0][1].p_value)
    chance = "but by McNemar's test it could be chance (p = 0.43, corrected for 55 pairs"
    assert chance in many.others[0][1].say()


def test_runs_with_other_test_sets_are_not_ranked_beside_each_other(workspace, add_run):
    one = add_run(5)
    two = add_run(9)
    other = add_run(1, test_set="another")
    groups = compare_runs(workspace.store, [other, one, two])
    assert [(g.best.id, [run.id for run, _ in g.others]) for g in groups] == [
        (one, [two]),
        (other, []),
    ]


def test_what_differs_between_runs_is_named(workspace, add_run):
    runs = [
        workspace.store.get_run(add_run(1, **changes))
        for changes in ({}, {"epochs": 9}, {"epochs": 9, "flip": True})
    ]
    assert what_differs(runs) == {"epochs": [2, 9, 9], "flip": [False, False, True]}


def test_one_run_or_twenty_one_are_no_comparison(workspace, add_run):
    one = add_run(1)
    with pytest.raises(NotComparable, match="1 run cannot be compared: name from 2 to 20"):
        compare_runs(workspace.store, [one, one])


def test_only_runs_with_different_test_sets_get_a_reason(workspace, add_run):
    assert why_apart(compare_runs(workspace.store, [add_run(5), add_run(9)])) == ""
    apart = compare_runs(workspace.store, [add_run(5), add_run(9, test_set="another")])
    assert "not all tested on the same images and classes" in why_apart(apart)


# Of different datasets

CLASSES = ("cat", "dog")
TEST = [(content, label) for content in range(30) for label in [content % 2] * (1 + (content == 3))]
"""Content and label of every test image, one of which has a copy."""


@pytest.fixture
def add_tested(workspace):
    """Return a function that adds a dataset with the test images among others, and a tested run."""

    def add(name, wrong, n_others, relabel=(), classes=CLASSES):
        store = workspace.store
        random = np.random.default_rng(n_others)
        rows = [
            (content, 1 - label if content in relabel else label, True) for content, label in TEST
        ]
        rows += [(1000 + other, other % 2, False) for other in range(n_others)]
        rows = [rows[i] for i in random.permutation(len(rows))]
        images = [
            ImageRecord(i, f"{content:064x}", f"{i}.png", classes[label], None, "png", 8, 8)
            for i, (content, label, _) in enumerate(rows)
        ]
        labels = [image.class_name for image in images]
        record = DatasetRecord(
            name, name, classes, tuple(map(labels.count, classes)), 0, "sample", 0.0
        )
        store.add_dataset(record, images, [])
        prints = SplitFingerprints(train=name, val=name, test="the same")
        facts = RunFacts(classes=classes, split_fingerprint=prints)
        run = store.add_run(make_run_config(name, {}), name, facts)
        predictions = []
        for i, (content, label, is_test) in enumerate(rows):
            if is_test:
                predicted = 1 - label if content in wrong else label
                probabilities = (0.1, 0.9) if predicted else (0.9, 0.1)
                predictions.append(Prediction(i, label, probabilities))
        store.put_predictions(run.id, "test", 1, predictions)
        accuracy = sum(p.is_right for p in predictions) / len(predictions)
        result = TestResult(len(predictions), 0.5, accuracy, 0.5, 0.5, 0.5, 0.5)
        store.update_run(run.id, result=result)
        store.claim_run(run.id)
        store.finish_run(run.id, RunState.COMPLETED)
        return store.get_run(run.id)

    return add


def test_runs_of_different_datasets_are_compared_image_by_image_on_the_test_set_they_share(
    workspace, add_tested
):
    best = add_tested("d1", {0, 1}, n_others=50)
    other = add_tested("d2", set(range(1, 12)), n_others=7)
    (group,) = compare_runs(workspace.store, [other.id, best.id])
    ((beside, found),) = group.others
    assert (group.best.id, beside.id) == (best.id, other.id) and why_apart([group]) == ""
    # One of the ten images that only the best run recognises has a copy.
    assert (found.n, found.only_first, found.only_second) == (len(TEST), 11, 1)
    assert share_images([best, other], "test") and not share_images([best, other], "val")


def test_predictions_are_paired_with_their_images(workspace, add_tested):
    runs = add_tested("d1", {0, 3}, n_others=50), add_tested("d2", {3, 5}, n_others=7)
    images = [workspace.store.list_images(run.config.data.dataset_id) for run in runs]
    own = [workspace.store.list_predictions(run.id, "test")[1] for run in runs]
    first, second = answers_side_by_side(workspace.store, runs)
    assert first == own[0] and {p.position for p in second} == {p.position for p in first}
    shown = sorted((images[0][p.position].sha256, p.true, p.probabilities) for p in second)
    assert shown == sorted((images[1][p.position].sha256, p.true, p.probabilities) for p in own[1])
    assert compare(first, second).only_first == 1 == compare(first, second).only_second


@pytest.mark.parametrize("how", ["other labels", "deleted", "other classes"])
def test_unpairable_runs_are_not_ranked_and_the_reason_is_given(workspace, add_tested, how):
    one = add_tested("d1", {0}, n_others=5)
    other = add_tested(
        "d2", {1}, 9, relabel=(4, 5) if how == "other labels" else (),
        classes=("ape", "dog") if how == "other classes" else CLASSES,
    )  # fmt: skip
    if how == "deleted":
        workspace.store.delete_dataset("d2")
    groups = compare_runs(workspace.store, [one.id, other.id])
    assert [len(group.others) for group in groups] == [0, 0]
    assert ("cannot be paired" in why_apart(groups)) == (how != "other classes")
    assert share_images([one, other], "test") == (how != "other classes")
