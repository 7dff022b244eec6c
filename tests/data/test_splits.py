"""Splits are repeatable and stratified, and copies of an image stay on one side."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import image_record

from tl_core.config import DataConfig
from tl_core.data.splits import make_split
from tl_core.records import ImageRecord

SIDES = ("train", "val", "test")


def config(**options) -> DataConfig:
    return DataConfig(dataset_id="d", **options)


def distinct(counts: dict[str, int], split: str | None = None, start: int = 0) -> list[ImageRecord]:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [
        image_record(start + i, f"{start + i:064x}", label, split) for i, label in enumerate(labels)
    ]


def sides_of(images, split) -> dict[int, str]:
    return {position: side for side in SIDES for position in getattr(split, side)}


def classes_on(images, positions) -> Counter:
    return Counter(images[position].class_name for position in positions)


def test_the_default_is_70_15_15_of_every_class():
    images = distinct({"a": 200, "b": 80})
    split = make_split(images, config())
    assert classes_on(images, split.train) == {"a": 140, "b": 56}
    assert classes_on(images, split.val) == {"a": 30, "b": 12}
    assert classes_on(images, split.test) == {"a": 30, "b": 12}
    assert split.warnings == ()


def test_three_images_are_enough_for_each_side():
    images = distinct({"a": 3, "b": 300})
    split = make_split(images, config())
    assert all(classes_on(images, getattr(split, side))["a"] == 1 for side in SIDES)


def test_another_seed_is_another_split():
    images = distinct({"a": 50, "b": 50})
    assert make_split(images, config(split_seed=1)) != make_split(images, config(split_seed=2))


def test_a_new_class_moves_no_image_of_the_others():
    few = distinct({"a": 50, "b": 50})
    more = distinct({"a": 50, "b": 50, "c": 50})
    moved = set(make_split(more, config()).test) & set(range(100))
    assert moved == set(make_split(few, config()).test)


def test_a_missing_side_is_named():
    split = make_split(distinct({"a": 1, "b": 2, "c": 9}), config())
    named = ('The classes "a", "b" have no validation image.', 'The class "a" has no test image.')
    assert split.warnings[:2] == named


class TestGivenSides:
    def test_images_stay_where_they_came(self):
        images = [*distinct({"a": 10, "b": 10}, "train"), *distinct({"a": 4, "b": 4}, "val", 20)]
        images += distinct({"a": 5, "b": 5}, "test", 28)
        split = make_split(images, config())
        assert split.train == tuple(range(20))
        assert split.val == tuple(range(20, 28))
        assert split.test == tuple(range(28, 38))

    @pytest.mark.parametrize(("given", "carved"), [("test", "val"), ("val", "test")])
    def test_a_side_that_did_not_come_is_taken_out_of_train(self, given, carved):
        images = [*distinct({"a": 20, "b": 40}, "train"), *distinct({"a": 5, "b": 5}, given, 60)]
        split = make_split(images, config())
        assert getattr(split, given) == tuple(range(60, 70))
        assert classes_on(images, getattr(split, carved)) == {"a": 3, "b": 6}

    def test_a_class_missing_in_the_given_test_is_named(self):
        images = [*distinct({"a": 9, "b": 9}, "train"), *distinct({"a": 5}, "test", 18)]
        assert make_split(images, config()).warnings[0] == 'The class "b" has no test image.'

    def test_a_class_without_training_images_is_named(self):
        images = [*distinct({"a": 9}, "train"), *distinct({"a": 5, "b": 5}, "test", 9)]
        assert 'The class "b" has no training image.' in make_split(images, config()).warnings

    def test_a_copy_in_train_and_test_stays_in_test(self):
        images = [*distinct({"a": 9, "b": 9}, "train"), *distinct({"a": 5, "b": 5}, "test", 18)]
        leak = image_record(28, images[20].sha256, "a", "train")
        split = make_split([*images, leak], config())
        assert {20, 28} <= set(split.test)
        warning = "1 image stands in more than one of train, validation and test"
        assert split.warnings[0].startswith(warning)

    def test_a_copy_in_train_and_validation_stays_in_validation(self):
        images = [*distinct({"a": 9, "b": 9}, "train"), *distinct({"a": 5, "b": 5}, "val", 18)]
        split = make_split([*images, image_record(28, images[20].sha256, "a", "train")], config())
        assert {20, 28} <= set(split.val)


@st.composite
def datasets(draw) -> list[ImageRecord]:
    """Draw datasets of few digests, so that copies within and across classes are common.

    In half of them, some files of other bytes have the same pixels.
    """
    n = draw(st.integers(1, 60))
    row = st.tuples(st.integers(0, 40), st.sampled_from("abcd"))
    rows = draw(st.lists(row, min_size=n, max_size=n))
    hinted = draw(st.booleans())
    splits = st.sampled_from(SIDES) if hinted else st.none()
    records = [
        image_record(i, f"{sha:064x}", label, draw(splits)) for i, (sha, label) in enumerate(rows)
    ]
    if not draw(st.booleans()):
        return records
    # Every fifth file was not compared, and is told apart by its bytes.
    return [
        replace(record, pixels=f"{sha // 3:032x}" if sha % 5 else None)
        for record, (sha, _) in zip(records, rows, strict=True)
    ]


configs = st.builds(
    config,
    val_fraction=st.floats(0.01, 0.49),
    test_fraction=st.floats(0.01, 0.49),
    split_seed=st.integers(0, 1000),
)


@settings(max_examples=300, deadline=None)
@given(datasets(), configs)
def test_sides_are_disjoint_and_together_all(images, config):
    split = make_split(images, config)
    assert sorted(split.train + split.val + split.test) == list(range(len(images)))


@settings(max_examples=300, deadline=None)
@given(datasets(), configs)
def test_copies_stand_on_one_side(images, config):
    sides = sides_of(images, make_split(images, config))
    for content in ("sha256", "pixels"):
        found = {(getattr(image, content), sides[image.position]) for image in images}
        found = {(digest, side) for digest, side in found if digest}
        assert len(found) == len({digest for digest, _ in found})


@settings(max_examples=100, deadline=None)
@given(datasets(), configs, st.randoms())
def test_only_images_fractions_and_seed_decide(images, config, rng: random.Random):
    state = random.getstate()
    split = make_split(images, config)
    assert split == make_split(rng.sample(images, len(images)), config)
    assert state == random.getstate()


@settings(max_examples=300, deadline=None)
@given(datasets(), configs)
def test_each_class_is_on_each_side_or_named(images, config):
    split = make_split(images, config)
    classes = {image.class_name for image in images}
    for side, spoken in zip(SIDES, ("training", "validation", "test"), strict=True):
        missing = classes - set(classes_on(images, getattr(split, side)))
        ending = f"no {spoken} image."
        sentence = next((line for line in split.warnings if line.endswith(ending)), "")
        assert all(f'"{label}"' in sentence for label in missing)
        assert bool(missing) == bool(sentence)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(3, 80), min_size=2), configs)
def test_three_distinct_images_are_on_each_side_near_their_share(counts, config):
    images = distinct(counts)
    split = make_split(images, config)
    assert not any(" no " in sentence for sentence in split.warnings)
    for side, fraction in (("val", config.val_fraction), ("test", config.test_fraction)):
        for label, n in classes_on(images, getattr(split, side)).items():
            assert n == 1 or abs(n - fraction * counts[label]) <= 1.5
