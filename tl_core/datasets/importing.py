"""Adding a dataset to the store and deleting it, files and records together."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.cancellation import NEVER, Stop
from tl_core.data.choosing import Choose, Reading
from tl_core.data.images import image_path, thumbnail_path
from tl_core.data.ingest import Ingested, IngestProgress, ingest_dataset
from tl_core.data.known_images import KnownImages
from tl_core.data.sources import Source
from tl_core.errors import UnknownDataset
from tl_core.files import is_same_content, move_into_place
from tl_core.locks import hold_lock
from tl_core.records import DatasetRecord, ImageRecord, SkippedFile
from tl_core.settings import Limits
from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import Store
from tl_core.store.queries import RunQuery


@dataclass(frozen=True, slots=True)
class Imported:
    record: DatasetRecord
    skipped: tuple[SkippedFile, ...]
    """Files skipped by this import, even if the dataset was already known."""
    already_known: bool
    readings: tuple[Reading, ...] = ()
    """Reading of the folders by this import, then the other plausible ones."""
    was_in_bin: bool = False
    """Marks that the dataset had been deleted and that this import has restored it."""


def import_dataset(
    store: Store,
    artifacts: Artifacts,
    source: Source,
    *,
    name: str,
    limits: Limits,
    on_progress: Callable[[IngestProgress], None] | None = None,
    stop: Stop = NEVER,
    classes_at: str | None = None,
    choose: Choose | None = None,
) -> Imported:
    """Ingest into a staging folder, move it into place in one step, then add it to the store.

    If the store already holds a dataset of the same content, even in the bin, its record is
    returned. Images that another dataset of the same person holds are not decoded again. After any
    exception, nothing half-written remains.

    Args:
        classes_at: level of folders that are the classes; None takes the likeliest.
        choose: called in place of that where several levels are plausible; may wait for a person.

    Raises:
        DatasetRefused, Cancelled: as `ingest_dataset`.
    """
    # One's own alone: saved time and shared files could be noticed by, or tell of, others.
    known = [dataset for dataset in store.list_datasets() if dataset.owner == store.owner]
    folders = {dataset.id: artifacts.dataset_folder(dataset.id) for dataset in known}
    with artifacts.staging_folder() as staging:
        ingested = ingest_dataset(
            source,
            staging,
            name=name,
            limits=limits,
            on_progress=on_progress,
            stop=stop,
            find_known=KnownImages(folders, store.list_images).find,
            classes_at=classes_at,
            choose=choose,
        )
        ingested = replace(ingested, record=owned(ingested.record, store.owner))
        # Two imports of the same content at once must not move their folders over each other.
        with artifacts.changing(), hold_lock(artifacts.dataset_lock(ingested.record.id)):
            return _add(store, ingested, staging, artifacts.dataset_folder(ingested.record.id))


def owned(record: DatasetRecord, owner: str) -> DatasetRecord:
    """Return the record as it belongs to a person, under an id of its own.

    Nobody meets somebody else's dataset by importing the same images: neither its name nor its
    file names, nor that it is there. The operator's id is the fingerprint itself.
    """
    both = hashlib.sha256(f"{record.fingerprint or record.id} {owner}".encode()).hexdigest()[:16]
    return replace(record, id=both if owner else record.fingerprint or record.id, owner=owner)


def _add(store: Store, ingested: Ingested, staging: Path, folder: Path) -> Imported:
    was_in_bin = store.restore_dataset(ingested.record.id)
    known = _find(store, ingested.record.id)
    if known is None or not folder.exists():
        # A folder without a record is the remnant of a crash.
        shutil.rmtree(folder, ignore_errors=True)
        move_into_place(staging, folder)
    if known is not None:
        _put_back_lost_images(ingested, staging, folder)
        return Imported(known, ingested.skipped, True, ingested.readings, was_in_bin)
    try:
        ordered = _with_the_order_of_runs(store, ingested.record)
        record = store.add_dataset(ordered, ingested.images, ingested.skipped)
    # Without a record, nothing would refer to the folder any more.
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(record, ingested.skipped, False, ingested.readings)


def _put_back_lost_images(ingested: Ingested, staging: Path, folder: Path) -> None:
    """Replace the images of a known dataset that were lost or damaged by those just read."""
    if not staging.exists():
        return
    for image in ingested.images:
        for place in (image_path, _thumbnail_path):
            fresh = place(staging, image)
            kept = place(folder, image)
            # Copies of one image share a file, which may have been moved already.
            if fresh.exists() and not is_same_content(fresh, kept):
                move_into_place(fresh, kept)


def _thumbnail_path(folder: Path, image: ImageRecord) -> Path:
    return thumbnail_path(folder, image.sha256)


def _with_the_order_of_runs(store: Store, record: DatasetRecord) -> DatasetRecord:
    """Give the classes the order in which runs on a deleted dataset of this content have them.

    A label is a place in that order, so a run's model and predictions mean nothing in another.
    """
    counts = dict(zip(record.classes, record.counts, strict=True))
    for run in store.list_runs(RunQuery(dataset_id=record.id)):
        classes = run.facts.classes
        if set(classes) == set(record.classes):
            return replace(record, classes=classes, counts=tuple(counts[name] for name in classes))
    return record


def _find(store: Store, dataset_id: str) -> DatasetRecord | None:
    try:
        record = store.get_dataset(dataset_id)
    except UnknownDataset:
        return None
    # The store also looks things up by name, and a name may be any text.
    return record if record.id == dataset_id else None


def delete_dataset(store: Store, artifacts: Artifacts, dataset_id: str) -> None:
    """Delete a dataset and its files. Runs on it remain, with their figures.

    Raises:
        UnknownDataset, DatasetInUse: as `Store.delete_dataset`.
    """
    with artifacts.changing(), hold_lock(artifacts.dataset_lock(dataset_id)):
        # The record goes first: the store refuses to delete a dataset in use.
        store.delete_dataset(dataset_id)
        artifacts.delete_dataset(dataset_id)
