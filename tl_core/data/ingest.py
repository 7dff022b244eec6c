"""Import of a dataset: from any source to a folder of checked images and their records."""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.cancellation import NEVER, Stop
from tl_core.data.choosing import Choose, Reading, final_sentence, read_listing
from tl_core.data.dataset_warnings import describe_levels, find_oddities, refuse_unusable
from tl_core.data.decoders import Decoders, get_decoders
from tl_core.data.intake import Intake, StoredImage, make_folders
from tl_core.data.known_images import KnownImage
from tl_core.data.layout import Layout, Place
from tl_core.data.names import clean_text
from tl_core.data.second_look import SecondLook
from tl_core.data.sources import Listing, Source
from tl_core.data.threads import importing_workers, map_ahead
from tl_core.records import DatasetRecord, ImageRecord, Levels, SkippedFile
from tl_core.settings import Limits
from tl_core.text import natural_key

SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True, slots=True)
class IngestProgress:
    phase: str
    """Phase: "listing files", "checking images", "drawing thumbnails" or "comparing images"."""
    done: int
    """Files checked, or images looked at again, so far."""
    total: int | None
    """Number of files or images; None while files are being listed."""
    bytes: int
    """Bytes read so far, uncompressed."""


@dataclass(frozen=True, slots=True)
class Ingested:
    record: DatasetRecord
    images: tuple[ImageRecord, ...]
    """Images in the order of their `position`."""
    skipped: tuple[SkippedFile, ...]
    readings: tuple[Reading, ...]
    """Reading of the folders, then the other plausible ones."""


def ingest_dataset(
    source: Source,
    into: Path,
    *,
    name: str,
    limits: Limits,
    on_progress: Callable[[IngestProgress], None] | None = None,
    stop: Stop = NEVER,
    find_known: Callable[[str], KnownImage | None] = lambda sha256: None,
    classes_at: str | None = None,
    choose: Choose | None = None,
    decoders: Decoders | None = None,
) -> Ingested:
    """Write `into/images` and `into/thumbnails`, listing unusable files instead of failing.

    After any exception nothing is left in `into`.

    Args:
        name: the dataset's name, as the user typed it.
        on_progress: called from this thread, at most ten times a second.
        stop: checked from this thread after every file.
        find_known: looks up an image of another dataset by its SHA-256, which saves decoding it.
        classes_at: level of folders that are the classes; None takes the likeliest.
        choose: called in place of that where several levels are plausible; may wait for a person.
        decoders: processes that decode; None takes those that this process shares.

    Raises:
        DatasetRefused: the dataset as a whole cannot be imported.
        Cancelled: `stop` was set.
    """
    reporter = _Reporter(on_progress, stop)
    decoders = decoders or get_decoders()
    with _clean_up_on_failure(into):
        reporter.report(IngestProgress("listing files", 0, None, 0))
        with source.open(limits) as listing:
            layout, readings = read_listing(listing, classes_at, choose)
            intake = Intake(into, limits, find_known, decoders)
            images, skipped, stored = _take_all(listing, layout, intake, reporter)
        look = SecondLook(into, limits.max_pixels, images, stored, reporter.report_look, decoders)
        images, levels = look.take()
        refuse_unusable(images, skipped)
        notes = (*listing.notes, *describe_levels(levels, look.spans))
        ingested = _conclude(images, skipped, levels, notes, name=name, kind=source.kind)
        # The folders of a sample are ours, and nobody need check how they are read.
        if source.kind == "sample":
            return ingested
        sentence = final_sentence(layout, ingested.record.classes)
        record = replace(ingested.record, reading=sentence)
        return replace(ingested, record=record, readings=readings)


@contextmanager
def _clean_up_on_failure(into: Path) -> Iterator[None]:
    # A folder that existed before may hold other files, which stay.
    written = (into / "images", into / "thumbnails") if into.exists() else (into,)
    try:
        make_folders(into)
        yield
    # An interrupt from the keyboard must not leave anything behind either.
    except BaseException:
        for folder in written:
            shutil.rmtree(folder, ignore_errors=True)
        raise


class _Reporter:
    """Reports progress at a limited rate, and stops the import when asked to."""

    def __init__(self, on_progress: Callable[[IngestProgress], None] | None, stop: Stop) -> None:
        self._on_progress = on_progress
        self._stop = stop
        self._last = 0.0

    def report(self, progress: IngestProgress) -> None:
        self._stop.check()
        now = time.monotonic()
        # The first and the last report are shown in any case.
        is_edge = progress.done in (0, progress.total)
        if self._on_progress and (is_edge or now - self._last >= SECONDS_BETWEEN_REPORTS):
            self._last = now
            self._on_progress(progress)

    def report_look(self, phase: str, done: int, total: int) -> None:
        self.report(IngestProgress(phase, done, total, 0))


def _take_all(
    listing: Listing, layout: Layout, intake: Intake, reporter: _Reporter
) -> tuple[list[ImageRecord], list[SkippedFile], dict[str, StoredImage]]:
    images = []
    stored: dict[str, StoredImage] = {}
    skipped = [*listing.skipped, *layout.skipped]

    def take(place: Place) -> StoredImage | str:
        return intake.take(listing.entries[place.index])

    workers = importing_workers()
    # Results come in order, so the threads need work beyond a slow file in front.
    outcomes = map_ahead(take, layout.places, workers, ahead=4 * workers)
    n_files = len(layout.places)
    # Closing ends the threads; otherwise they would go on writing into a folder being deleted.
    with closing(outcomes):
        for done, (place, outcome) in enumerate(zip(layout.places, outcomes, strict=True), start=1):
            name = "/".join(listing.entries[place.index].parts)
            if isinstance(outcome, str):
                skipped.append(SkippedFile(name, outcome))
            else:
                images.append(_image_record(place, name, outcome))
                stored[outcome.sha256] = outcome
            reporter.report(IngestProgress("checking images", done, n_files, intake.meter.total))
    return images, skipped + _emptied_classes(layout.places, images), stored


def _image_record(place: Place, name: str, stored: StoredImage) -> ImageRecord:
    return ImageRecord(
        # Positions are known only once all images are sorted.
        position=-1,
        sha256=stored.sha256,
        name=name,
        class_name=place.class_name,
        split=place.split,
        extension=stored.extension,
        width=stored.width,
        height=stored.height,
    )


def _emptied_classes(places: Sequence[Place], images: Sequence[ImageRecord]) -> list[SkippedFile]:
    files = Counter(place.class_name for place in places)
    for name in {image.class_name for image in images}:
        del files[name]
    return [
        SkippedFile(name, f"The class is left out: none of its files ({count:,}) can be used.")
        for name, count in sorted(files.items())
    ]


def _conclude(
    images: Sequence[ImageRecord],
    skipped: Sequence[SkippedFile],
    levels: Levels,
    notes: Sequence[str],
    *,
    name: str,
    kind: str,
) -> Ingested:
    # Sorted by content, so that the order of files in the source does not matter.
    ordered = sorted(
        images, key=lambda image: (image.class_name, image.sha256, image.split or "", image.name)
    )
    numbered = tuple(replace(image, position=position) for position, image in enumerate(ordered))
    counts = Counter(image.class_name for image in numbered)
    classes = sorted(counts, key=natural_key)
    fingerprint = _fingerprint(numbered)
    record = DatasetRecord(
        id=fingerprint,
        fingerprint=fingerprint,
        name=clean_text(name).strip() or "Untitled",
        classes=tuple(classes),
        counts=tuple(counts[name] for name in classes),
        n_skipped=len(skipped),
        source=kind,
        created_at=time.time(),
        warnings=(*notes, *find_oddities(numbered)),
        levels=levels,
    )
    sorted_skipped = sorted(skipped, key=lambda file: (file.name, file.reason))
    return Ingested(record, numbered, tuple(sorted_skipped), ())


def _fingerprint(images: Sequence[ImageRecord]) -> str:
    """Digest splits, classes and contents to 16 hex digits, independent of file names and order."""
    digest = hashlib.sha256()
    for row in sorted((image.split or "", image.class_name, image.sha256) for image in images):
        # JSON separates the fields unambiguously, whatever a class is called.
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()[:16]
