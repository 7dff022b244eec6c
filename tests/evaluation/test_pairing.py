"""The same test images in two datasets are known by their content, wherever they stand."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation import NotComparable
from tl_core.evaluation.pairing import at_positions_of, by_content
from tl_core.records import ImageRecord, Prediction


def dataset(contents):
    """Images, and an answer to each that names its place in `contents`."""
    images = [
        ImageRecord(i, sha, "a.png", "c", None, "png", 9, 9) for i, (sha, _) in enumerate(contents)
    ]
    return images, [Prediction(i, label, (0.5, 0.5)) for i, (_, label) in enumerate(contents)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1)), min_size=1, max_size=12),
    st.randoms(),
)
def test_answers_come_to_stand_where_the_other_dataset_has_those_images(
    contents, chance: random.Random
):
    others = chance.sample(contents, len(contents))
    (images, answers), (there, those) = dataset(contents), dataset(others)
    moved = at_positions_of(by_content(answers, images), by_content(those, there))
    assert sorted(p.position for p in moved) == list(range(len(contents)))
    for p in moved:
        assert p.true == others[p.position][1]


@pytest.mark.parametrize("others", [[("a", 1)], [("b", 0)], [("a", 0), ("a", 0)], []])
def test_other_images_or_labels_are_not_paired(others):
    (images, answers), (there, those) = dataset([("a", 0)]), dataset(others)
    with pytest.raises(NotComparable):
        at_positions_of(by_content(answers, images), by_content(those, there))
