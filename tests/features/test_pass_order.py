"""The order of the pass holds every image once, and shows every class early."""

from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tl_core.features import cut_into_chunks, mixed_order

LABELS = st.lists(st.integers(0, 5), max_size=300)


@given(LABELS, st.integers(0, 3))
def test_every_class_comes_early_and_no_image_is_lost(labels: list[int], seed: int):
    order = mixed_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    assert order == mixed_order(labels, seed)
    for label in set(labels):
        first = next(place for place, i in enumerate(order) if labels[i] == label)
        # Of a class of k images, one lies in the first k-th part; so do as many of the others.
        assert first < len(labels) / labels.count(label) + len(set(labels))


@given(st.integers(0, 5_000), st.integers(1, 100))
def test_chunks_are_whole_batches_that_grow(n: int, batch_size: int):
    order = list(range(n))
    chunks = cut_into_chunks(order, batch_size)
    assert list(chain.from_iterable(chunks)) == order
    assert all(len(chunk) % batch_size == 0 for chunk in chunks[:-1])
    assert all(len(one) <= len(next_one) for one, next_one in pairwise(chunks[:-1]))
    assert all(len(chunk) <= max(2 * (batch_size + 31), n / 8) for chunk in chunks)
