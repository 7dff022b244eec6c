"""Bin of the store, on SQLite and PostgreSQL."""

import pytest

from tl_core.config import RunConfig
from tl_core.errors import DatasetInUse, RunNotReady, UnknownDataset, UnknownRun
from tl_core.records import DatasetRecord, ImageRecord, RunState
from tl_core.store import SqlStore

IMAGES = [ImageRecord(0, f"{0:064x}", "rose/0.jpg", "rose", None, "jpg", 640, 480)]


def test_what_is_in_the_bin_is_found_nowhere_else_until_it_is_restored(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, IMAGES, [])
    done, queued = (store.add_run(config, dataset.name) for _ in range(2))
    store.claim_run(done.id)
    store.finish_run(done.id, RunState.COMPLETED)
    store.annotate_run(done.id, title="First")
    before = store.get_run(done.id), store.get_run(queued.id), store.get_dataset(dataset.id)
    store.bin_run(done.id)
    store.bin_run(queued.id)
    # A run in the bin does not keep its dataset out of it.
    store.bin_dataset(dataset.id)
    assert store.list_runs() == [] and store.list_datasets() == []
    for run in (done, queued):
        with pytest.raises(UnknownRun):
            store.get_run(run.id)
        with pytest.raises(UnknownRun):
            store.queue_again(run.id)
    for name in (dataset.id, dataset.id[:6], dataset.name):
        with pytest.raises(UnknownDataset):
            store.get_dataset(name)
    assert store.claim_next_run() is None and store.claim_run(queued.id) is None
    listed = {(binned.kind, binned.id): binned.name for binned in store.list_bin()}
    assert listed == {
        ("dataset", dataset.id): dataset.name,
        ("run", done.id): "First",
        ("run", queued.id): dataset.name,
    }
    assert store.restore_run(done.id) and store.restore_run(queued.id)
    assert store.restore_dataset(dataset.id)
    after = store.get_run(done.id), store.get_run(queued.id), store.get_dataset(dataset.id)
    assert after == before
    assert store.list_images(dataset.id) == IMAGES
    assert store.list_bin() == []
    assert not store.restore_run(done.id) and not store.restore_dataset(dataset.id)
    claimed = store.claim_next_run()
    assert claimed is not None and claimed.id == queued.id


def test_what_is_in_use_cannot_be_put_into_the_bin(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, IMAGES, [])
    run = store.add_run(config, dataset.name)
    with pytest.raises(DatasetInUse, match=run.id):
        store.bin_dataset(dataset.id)
    store.claim_run(run.id)
    with pytest.raises(RunNotReady, match="stop it first"):
        store.bin_run(run.id)
    with pytest.raises(UnknownRun):
        store.bin_run("nosuchrun")
    with pytest.raises(UnknownDataset):
        store.bin_dataset("f" * 16)
    assert store.list_bin() == []


def test_the_time_in_the_bin_counts_from_the_first_deletion(
    store: SqlStore, dataset: DatasetRecord
):
    store.add_dataset(dataset, IMAGES, [])
    store.bin_dataset(dataset.id)
    (first,) = store.list_bin()
    store.bin_dataset(dataset.id)
    assert store.list_bin() == [first]


def test_a_dataset_of_the_bin_that_is_added_again_is_restored_and_one_of_the_bin_can_be_deleted(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    store.add_dataset(dataset, IMAGES, [])
    store.bin_dataset(dataset.id)
    assert store.add_dataset(dataset, IMAGES, []) == dataset
    assert store.list_datasets() == [dataset]
    run = store.add_run(config, dataset.name)
    store.bin_run(run.id)
    store.bin_dataset(dataset.id)
    store.delete_run(run.id)
    store.delete_dataset(dataset.id)
    assert store.list_bin() == []
    assert store.list_images(dataset.id) == []
