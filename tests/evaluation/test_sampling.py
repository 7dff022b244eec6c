"""A sample keeps the shares of the classes, and forgets none of them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tl_core.evaluation.sampling import pick_samples, sample_evenly
from tl_core.records import ImageRecord

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=200)


@given(labels=LABELS, most=st.integers(1, 60), seed=st.integers(0, 3))
def test_classes_keep_their_shares(labels: list[int], most: int, seed: int):
    chosen = sample_evenly(labels, most, seed)
    assert chosen == sorted(set(chosen)) == sample_evenly(labels, most, seed)
    assert len(chosen) == min(most, len(labels))
    whole, part = Counter(labels), Counter(labels[i] for i in chosen)
    if most >= len(whole):
        assert set(part) == set(whole)
    for label, n in whole.items():
        assert abs(part[label] - n * len(chosen) / len(labels)) <= len(whole)


def image(position: int, class_name: str) -> ImageRecord:
    return ImageRecord(position, "0" * 64, f"{position}.png", class_name, None, "png", 8, 8)


def test_samples_show_as_many_classes_as_there_are():
    images = [image(i, name) for i, name in enumerate("aaaabbc")]
    assert pick_samples(images, [0, 1, 2, 3, 4, 5, 6]) == [0, 4, 6, 1, 5, 2]
    assert pick_samples(images, [6, 3, 2]) == [2, 6, 3]
    assert pick_samples(images, []) == []
