"""Classical models are judged on images they have not seen, nor a copy of."""

import numpy as np
import pytest

from tl_core.evaluation import probes
from tl_core.evaluation.embedding import FeaturesUnfit
from tl_core.evaluation.probes import PROBES, CannotProbe, probe
from tl_core.text import percent

AWKWARD = ["<b>a</b>", "\N{SNAKE} " + "x" * 300, "\u05d0\u05d1"]


@pytest.fixture(autouse=True)
def _small_forest(monkeypatch: pytest.MonkeyPatch):
    few = tuple(model for model in PROBES if model.name != "forest")
    monkeypatch.setattr(probes, "PROBES", few)


def clouds(
    per_class: int = 12, classes: int = 3, width: int = 6, apart: float = 6.0
) -> tuple[np.ndarray, list[int]]:
    """Points of each class around a place of its own."""
    random, labels = np.random.default_rng(0), [i % classes for i in range(per_class * classes)]
    return random.normal(np.eye(classes, width)[labels] * apart, 1).astype(np.float32), labels


def test_what_lies_apart_is_told_apart_and_the_same_again():
    features, labels = clouds()
    groups, told = [str(i) for i in range(len(labels))], []
    found = probe(features, labels, groups, AWKWARD, on_progress=told.append)
    again = probe(features, labels, groups, AWKWARD)
    by_name = {result.name: result for result in found.results}
    assert all(result.accuracy > 0.8 for name, result in by_name.items() if name != "majority")
    assert [result.folds for result in again.results] == [result.folds for result in found.results]
    for result in found.results:
        assert result.seconds > 0
        assert result.spread == pytest.approx(np.std(result.folds, ddof=1))
    assert (found.n, found.n_of, found.folds, found.notes) == (36, 36, 5, ())
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize("per_class", [5, 12, 17])
def test_accuracies_are_shares_of_the_images_and_agree_with_the_answer_in_words(per_class):
    features, labels = clouds(per_class, apart=2.0)
    groups = [str(i) for i in range(len(labels))]
    models = [m for m in PROBES if m.name in ("majority", "logistic", "tree")]
    found = probe(features, labels, groups, ["a", "b", "c"], models=models)
    by_name = {result.name: result for result in found.results}
    for result in found.results:
        right = result.accuracy * len(labels)
        assert right == pytest.approx(round(right))
    # Folds are of unequal size, and none may make equal classes harder to guess than they are.
    assert by_name["majority"].accuracy == pytest.approx(1 / 3)
    assert f"({percent(by_name['logistic'].accuracy)}, 95 %" in found.answer
    assert f"would be right on {percent(by_name['majority'].accuracy)}" in found.answer


def test_copies_of_an_image_stay_in_one_fold():
    """Use pure noise, where only a copy in the training folds can tell the class."""
    random = np.random.default_rng(1)
    once, labels = random.normal(size=(60, 8)), random.integers(0, 2, 60).tolist()
    groups = [str(i) for i in range(60)] * 2
    found = probe(np.concatenate([once, once]), labels * 2, groups, ["a", "b"])
    leaked = probe(
        np.concatenate([once, once]), labels * 2, [str(i) for i in range(120)], ["a", "b"]
    )
    kept, lost = (
        next(r for r in each.results if r.name == "tree").accuracy for each in (found, leaked)
    )
    assert kept < 0.7 < lost


def test_small_classes_are_told_of_in_words():
    features, labels = clouds()
    features, labels = np.concatenate([features, features[:4] + 20]), [*labels, 3, 3, 3, 4]
    classes = [*AWKWARD, "three", "one"]
    found = probe(features, labels, [str(i) for i in range(40)], classes)
    assert found.folds == 5 and len(found.notes) == 2
    assert '"three" has fewer different images than there are folds (5)' in found.notes[0]
    assert '"one" has only one image' in found.notes[1] and "counts as wrong" in found.notes[1]


def test_with_two_images_of_a_class_there_are_two_folds():
    features, _ = clouds(2, 2)
    found = probe(features, [0, 1, 0, 1], list("abcd"), ["a", "b"])
    assert found.folds == 2 and all(0 <= result.accuracy <= 1 for result in found.results)


@pytest.mark.slow
def test_two_hundred_classes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        probes, "PROBES", tuple(m for m in PROBES if m.name in ("majority", "knn", "logistic"))
    )
    features, labels = clouds(3, 200, 200)
    found = probe(features, labels, [str(i) for i in range(600)], [str(i) for i in range(200)])
    assert found.folds == 3 and found.results[1].accuracy > 0.5


@pytest.mark.parametrize(
    ("labels", "says"),
    [([0, 0, 0], "only 1 class"), ([0, 1, 2], "No class has two different images")],
    ids=["one class", "one image a class"],
)
def test_what_cannot_be_tried_is_a_sentence(labels: list[int], says: str):
    with pytest.raises(CannotProbe, match=says):
        probe(np.eye(3), labels, list("abc"), ["a", "b", "c"])


def test_features_that_are_no_numbers_are_a_sentence():
    features, labels = clouds()
    features[3, 0] = np.nan
    with pytest.raises(FeaturesUnfit, match="of 1 of 36 images are not finite numbers"):
        probe(features, labels, [str(i) for i in labels], AWKWARD)
