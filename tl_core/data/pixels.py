"""What is decoded of an image once and may be kept: all that evaluation, or any augmented view, is made from."""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import __version__ as pillow_version
from PIL import features

from tl_core.cache import CacheMiss, RowCache, Shelf
from tl_core.config import AugmentConfig
from tl_core.data.images import open_rgb
from tl_core.data.resizing import Picture, Pixels, has_vectors, resize
from tl_core.data.transforms import prepare
from tl_core.records import ImageRecord, Preprocessing

_MADE_HOW = 1
"""To be raised when decoding or resizing gives other pixels than before."""
_BLOCK_BYTES = 64 * 2**20
"""Kept at a time: so much is lost when the process is killed."""


@dataclass(frozen=True, slots=True)
class Form:
    """In which form an image is decoded: as evaluation sees it, or only reduced, where crops are cut from it."""

    pre: Preprocessing
    crop: float = 1.0
    """Smallest share of the image that is cut out; 1 for what evaluation sees, of size x size pixels. With less, the
    form is the whole image, upright."""

    @classmethod
    def of(cls, pre: Preprocessing, augment: AugmentConfig | None) -> "Form":
        """What images are to be decoded to if they are to be varied so, or not at all."""
        return cls(pre, augment.crop if augment else 1.0)

    def decode(self, file: Path | BinaryIO, max_pixels: int) -> Pixels:
        """
        Returns:
            uint8, [height, width, 3].

        Raises:
            ImageUnusable: with the reason.
        """
        image = self.open(file, max_pixels)
        return (
            np.asarray(image)
            if self.crop < 1
            else prepare(image, self.pre).permute(1, 2, 0).contiguous().numpy()
        )

    def open(self, file: Path | BinaryIO, max_pixels: int) -> Picture:
        """The whole image, upright RGB, with no more pixels than views need that are cut from it.

        Raises:
            ImageUnusable: with the reason.
        """
        image = open_rgb(file, max_pixels, self.draft_side).pixels
        size = self._size_of(*image.size)
        # The middle is cut out and resized at once: reducing the image first would resize it twice.
        return (
            image
            if self.crop == 1 or size == image.size
            else resize(image, size, self.pre.interpolation)
        )

    @property
    def draft_side(self) -> int:
        """The short side to ask of a draft, which has up to twice that: enough for quarters, more for smaller crops."""
        return math.ceil(self.pre.resize * max(1, 0.5 / math.sqrt(self.crop)))

    @property
    def recipe(self) -> dict[str, str | int | float]:
        """All that decides about the pixels but the file."""
        decoder: dict[str, str | int | float] = {
            "pillow": pillow_version,
            "jpeg": features.version("libjpeg_turbo") or features.version("jpg") or "",
            "made how": _MADE_HOW,
            "resized by": f"PyTorch {torch.__version__}" if has_vectors() else "Pillow",
            "filter": self.pre.interpolation,
            "draft": self.draft_side,
        }
        if self.crop < 1:
            return {"what": "images to cut crops from", "short side": self._short_side, **decoder}
        return {
            "what": "images as evaluation sees them",
            "resize": self.pre.resize,
            "size": self.pre.size,
            **decoder,
        }

    def n_bytes(self, image: ImageRecord) -> int:
        """About what its decoded form takes."""
        if self.crop == 1:
            return 3 * self.pre.size**2
        width, height = self._size_of(image.width, image.height)
        return 3 * width * height

    @property
    def _short_side(self) -> int:
        """So that the smallest crop need not be enlarged."""
        return max(self.pre.resize, math.ceil(self.pre.size / math.sqrt(self.crop)))

    def _size_of(self, width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, self._short_side / min(width, height))
        return round(width * scale), round(height * scale)


class KeptPixels:
    """Decoded images in the cache, as one pass over `images` finds them and adds to them: those that decoding reduces.

    What is added is written by a thread of its own, while the pass goes on.
    """

    def __init__(self, cache: RowCache, form: Form, images: Sequence[ImageRecord]) -> None:
        self._shelf = cache.shelf(form.recipe)
        # Of small images the decoded form is larger, and reading it saves nothing.
        large = [image for image in images if form.n_bytes(image) < 3 * image.width * image.height]
        needed = {image.sha256: form.n_bytes(image) for image in large}
        self._rows = _find(self._shelf, list(needed))
        self._missing = needed.keys() - self._rows.keys()
        self._has_room = self._shelf.has_room_for(sum(needed[key] for key in self._missing))
        self._added: dict[str, Pixels] = {}
        self._added_bytes = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="transferlab-data-writer")
        self._written: Future[bool] | None = None

    def find(self, image: ImageRecord) -> Pixels | None:
        """Its pixels, which cannot be written to; None where it must be decoded."""
        return self._rows.get(image.sha256)

    def add(self, image: ImageRecord, pixels: Pixels) -> None:
        """Keep the pixels of an image that had to be decoded. They must not change any more."""
        if self._has_room and image.sha256 in self._missing:
            self._missing.remove(image.sha256)
            self._added[image.sha256] = pixels
            self._added_bytes += pixels.nbytes
            if self._added_bytes >= _BLOCK_BYTES:
                self._write()

    def finish(self) -> None:
        """Write what was added last."""
        self._write()
        self._wait()

    def close(self) -> None:
        self._writer.shutdown(cancel_futures=True)

    def _write(self) -> None:
        self._wait()
        if self._added:
            self._written = self._writer.submit(
                self._shelf.write, list(self._added), list(self._added.values())
            )
            self._added, self._added_bytes = {}, 0

    def _wait(self) -> None:
        """For the block before, so that no more than two are in memory."""
        if self._written:
            self._has_room = self._written.result()
            self._written = None


def _find(shelf: Shelf, keys: Sequence[str]) -> dict[str, Pixels]:
    there = [key for key, is_there in zip(keys, shelf.find(keys), strict=True) if is_there]
    try:
        rows = shelf.rows(there)
    except CacheMiss:  # another process has just thrown some out
        return {}
    return {key: rows[number] for number, key in enumerate(there)}
