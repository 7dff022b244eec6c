"""Take a dataset in: from any source to a folder of checked images and the records that describe them."""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.data.dataset_warnings import find_oddities, refuse_unusable
from tl_core.data.intake import Intake, StoredImage, make_folders
from tl_core.data.known_images import KnownImage
from tl_core.data.layout import Layout, Place, read_layout
from tl_core.data.names import clean_text
from tl_core.data.sources import Listing, Source
from tl_core.data.threads import default_workers, map_ahead
from tl_core.records import DatasetRecord, ImageRecord, SkippedFile
from tl_core.settings import Limits
from tl_core.stopping import NEVER, Stop

MOST_WORKERS = 4
"""Each may hold a whole decoded image, of hundreds of megabytes at the worst."""
SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True, slots=True)
class IngestProgress:
    phase: str
    """"listing files" or "checking images"."""
    done: int
    total: int | None
    """Files; None while they are being listed."""
    bytes: int
    """Read so far, unpacked."""


@dataclass(frozen=True, slots=True)
class Ingested:
    record: DatasetRecord
    images: tuple[ImageRecord, ...]
    """In canonical order, which is that of their `position`."""
    skipped: tuple[SkippedFile, ...]


def ingest_dataset(
    source: Source,
    into: Path,
    *,
    name: str,
    limits: Limits,
    on_progress: Callable[[IngestProgress], None] | None = None,
    stop: Stop = NEVER,
    find_known: Callable[[str], KnownImage | None] = lambda sha256: None,
) -> Ingested:
    """Write `into/images` and `into/thumbnails`; what cannot be used is listed and never sinks the rest.

    Args:
        name: of the dataset. User text.
        on_progress: called from this thread, at most ten times a second.
        stop: asked from this thread after every file.
        find_known: an image of that sha256 that lies in another dataset already, and need not be decoded again.

    Raises:
        DatasetRefused: the whole cannot be taken in. As with every other exception, nothing is left in `into`.
        Cancelled: it was asked to stop.
    """
    reporter = _Reporter(on_progress, stop)
    with _nothing_left_on_failure(into):
        reporter.report(IngestProgress("listing files", 0, None, 0))
        with source.open(limits) as listing:
            layout = read_layout([entry.parts for entry in listing.entries], listing.folders)
            images, skipped = _take_all(
                listing, layout, Intake(into, limits, listing.packed, find_known), reporter
            )
        refuse_unusable(images, skipped)
        return _conclude(images, skipped, name=name, kind=source.kind)


@contextmanager
def _nothing_left_on_failure(into: Path) -> Iterator[None]:
    was_there = into.exists()
    try:
        make_folders(into)
        yield
    except BaseException:
        for folder in (into / "images", into / "thumbnails") if was_there else (into,):
            shutil.rmtree(folder, ignore_errors=True)
        raise


class _Reporter:
    """Tells how far things are, not too often, and stops them when asked."""

    def __init__(
        self,
        on_progress: Callable[[IngestProgress], None] | None,
        stop: Stop,
    ) -> None:
        self._on_progress = on_progress
        self._stop = stop
        self._last = 0.0

    def report(self, progress: IngestProgress) -> None:
        self._stop.check()
        is_due = time.monotonic() - self._last >= SECONDS_BETWEEN_REPORTS or progress.done in (
            0,
            progress.total,
        )
        if self._on_progress and is_due:
            self._last = time.monotonic()
            self._on_progress(progress)


def _take_all(
    listing: Listing, layout: Layout, intake: Intake, reporter: _Reporter
) -> tuple[list[ImageRecord], list[SkippedFile]]:
    images, skipped = [], [*listing.skipped, *layout.skipped]

    def take(place: Place) -> StoredImage | str:
        return intake.take(listing.entries[place.index])

    workers = min(default_workers(), MOST_WORKERS)
    outcomes = map_ahead(take, layout.places, workers, ahead=4 * workers)
    try:
        for done, (place, outcome) in enumerate(zip(layout.places, outcomes, strict=True), start=1):
            name = "/".join(listing.entries[place.index].parts)
            if isinstance(outcome, str):
                skipped.append(SkippedFile(name, outcome))
            else:
                images.append(_image_record(place, name, outcome))
            reporter.report(
                IngestProgress("checking images", done, len(layout.places), intake.meter.total)
            )
    finally:
        outcomes.close()
    return images, skipped + _emptied_classes(layout.places, images)


def _image_record(place: Place, name: str, stored: StoredImage) -> ImageRecord:
    return ImageRecord(
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
    images: Sequence[ImageRecord], skipped: Sequence[SkippedFile], *, name: str, kind: str
) -> Ingested:
    ordered = sorted(
        images, key=lambda image: (image.class_name, image.sha256, image.split or "", image.name)
    )
    numbered = tuple(replace(image, position=position) for position, image in enumerate(ordered))
    counts = Counter(image.class_name for image in numbered)
    record = DatasetRecord(
        id=_fingerprint(numbered),
        name=clean_text(name).strip() or "Untitled",
        classes=tuple(sorted(counts)),
        counts=tuple(counts[label] for label in sorted(counts)),
        n_skipped=len(skipped),
        source=kind,
        created_at=time.time(),
        warnings=find_oddities(numbered),
    )
    return Ingested(
        record, numbered, tuple(sorted(skipped, key=lambda file: (file.name, file.reason)))
    )


def _fingerprint(images: Sequence[ImageRecord]) -> str:
    """16 hex digits of the content: the same whatever files were called, packed in or ordered by."""
    digest = hashlib.sha256()
    for row in sorted((image.split or "", image.class_name, image.sha256) for image in images):
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()[:16]
