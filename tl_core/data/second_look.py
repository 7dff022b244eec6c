"""Second look at some images of a dataset once all are read: levels of samples, and copies."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tl_core.data.copies import find_lookalikes
from tl_core.data.decoders import Decoders
from tl_core.data.decoding import Span, levels_of
from tl_core.data.images import image_path, thumbnail_path
from tl_core.data.intake import StoredImage
from tl_core.data.threads import importing_workers, map_ahead
from tl_core.records import ImageRecord, Levels

_AS_READ: Levels = (("16-bit", 0.0, 65535.0),)
"""Levels with which an image alone is shown, and so its first thumbnail."""
_T = TypeVar("_T")

Report = Callable[[str, int, int], None]
"""Callback with the kind of work, and the images done and to do; may raise to stop."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Images of an import that goes on, and where they are stored.

    Args:
        folder: the dataset's folder.
        stored: each stored file, by its SHA-256.
    """

    folder: Path
    max_pixels: int
    images: Sequence[ImageRecord]
    stored: Mapping[str, StoredImage]
    report: Report
    decoders: Decoders

    @property
    def spans(self) -> list[Span]:
        """Ranges of the images with more than 8 bits a sample, one for each image."""
        spans = (self.stored[image.sha256].span for image in self.images)
        return [span for span in spans if span]

    def take(self) -> tuple[list[ImageRecord], Levels]:
        """Draw thumbnails anew by the dataset's levels, then compare images that look alike.

        Returns:
            The images, with digests of their pixels where they may be copies; and the levels.
        """
        levels = levels_of(self.spans)
        outlines = {sha256: stored.outline for sha256, stored in self.stored.items()}
        dark = {image.sha256: image for image in self.images if self._looks_other(image, levels)}

        def redraw(image: ImageRecord) -> bytes:
            return self._redraw(image, levels)

        outlines |= self._each("drawing thumbnails", dark, redraw)
        alike = find_lookalikes(self.images, outlines)

        def digest(image: ImageRecord) -> str:
            path = image_path(self.folder, image)
            return self.decoders.digest(path, self.max_pixels, levels)

        digests = self._each("comparing images", alike, digest)
        images = [replace(image, pixels=digests.get(image.sha256)) for image in self.images]
        return images, levels

    def _looks_other(self, image: ImageRecord, levels: Levels) -> bool:
        span = self.stored[image.sha256].span
        if span is None:
            return False
        return not any(each in _AS_READ for each in levels if each[0] == span.kind)

    def _redraw(self, image: ImageRecord, levels: Levels) -> bytes:
        target = thumbnail_path(self.folder, image.sha256)
        # Renamed into place, since the old one may be a link that another dataset shares.
        new = target.with_suffix(".new")
        path = image_path(self.folder, image)
        thumbnail, outline = self.decoders.draw_thumbnail(path, self.max_pixels, levels)
        new.write_bytes(thumbnail)
        new.replace(target)
        return outline

    def _each(
        self, words: str, images: Mapping[str, ImageRecord], work: Callable[[ImageRecord], _T]
    ) -> dict[str, _T]:
        workers = importing_workers()
        results = {}
        with closing(map_ahead(work, images.values(), workers, ahead=4 * workers)) as done:
            for number, (sha256, result) in enumerate(zip(images, done, strict=True), start=1):
                results[sha256] = result
                self.report(words, number, len(images))
        return results
