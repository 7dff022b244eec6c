"""Decoded images, cached in the form that evaluation or augmented crops are made from."""

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
from tl_core.data.decoders import Decoders
from tl_core.data.images import open_rgb
from tl_core.data.resizing import Picture, Pixels, has_vectors, resize, size_of
from tl_core.data.transforms import prepare
from tl_core.records import ImageRecord, Preprocessing

VERSION = 2
"""Version of decoding and resizing; raise it when they give other pixels than before."""
_BLOCK_BYTES = 64 * 2**20
"""Bytes written to the cache at once, and lost at most when the process is killed."""


@dataclass(frozen=True, slots=True)
class Form:
    """Decoded form of an image: preprocessed for evaluation, or whole for random crops."""

    pre: Preprocessing
    crop: float = 1.0
    """Smallest share of the image that a crop covers. With 1, the form is the centre crop of
    evaluation, of size x size pixels; with less, it is the whole image, upright."""

    @classmethod
    def of(cls, pre: Preprocessing, augment: AugmentConfig | None) -> "Form":
        """Choose the form for these augmentation settings, or for none."""
        return cls(pre, augment.crop if augment else 1.0)

    @property
    def name(self) -> str:
        """Return "centre" or "whole", for what is decoded."""
        return "centre" if self.crop == 1 else "whole"

    def decode(self, file: Path | BinaryIO, max_pixels: int) -> Pixels:
        """Decode a file into this form.

        Returns:
            uint8 [height, width, 3].

        Raises:
            ImageUnusable: the file cannot be decoded; the message gives the reason.
        """
        image = self.open(file, max_pixels)
        if self.crop < 1:
            return np.asarray(image)
        return prepare(image, self.pre).permute(1, 2, 0).contiguous().numpy()

    def open(
        self, file: Path | BinaryIO, max_pixels: int, decoders: Decoders | None = None
    ) -> Picture:
        """Decode the whole image, upright RGB, with no more pixels than its crops need.

        Args:
            decoders: processes that decode a file from outside; None decodes in this one, what an
                import has accepted.

        Raises:
            ImageUnusable: the file cannot be decoded; the message gives the reason.
        """
        image: Picture
        levels = self.pre.levels
        if decoders:
            image = decoders.decode(file, max_pixels, draft_side=self.draft_side, levels=levels)
        else:
            image = open_rgb(file, max_pixels, self.draft_side, levels=levels).pixels
        size = self._size_of(*size_of(image))
        # The centre crop is resized in one step later: reducing the image here would be a second.
        if self.crop == 1 or size == size_of(image):
            return image
        return resize(image, size, self.pre.interpolation)

    @property
    def draft_side(self) -> int:
        """Short side of the JPEG draft, in pixels; `open_rgb` decodes at least twice that."""
        # A crop of a quarter has half the side, which the factor of two covers; smaller ones need
        # a larger draft.
        return math.ceil(self.pre.resize * max(1, 0.5 / math.sqrt(self.crop)))

    @property
    def recipe(self) -> dict[str, str | int | float]:
        """Everything that determines the pixels except the file; part of the cache key."""
        decoder: dict[str, str | int | float] = {
            # Other versions of the decoders may give slightly different pixels.
            "pillow": pillow_version,
            "jpeg": features.version("libjpeg_turbo") or features.version("jpg") or "",
            "made how": VERSION,
            "resized by": f"PyTorch {torch.__version__}" if has_vectors() else "Pillow",
            "filter": self.pre.interpolation,
            "draft": self.draft_side,
            "levels": str(self.pre.levels),
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
        """Estimate the size of an image's decoded form."""
        if self.crop == 1:
            return 3 * self.pre.size**2
        width, height = self._size_of(image.width, image.height)
        return 3 * width * height

    def is_worth_caching(self, image: ImageRecord) -> bool:
        """Return True if the decoded form is smaller than the image."""
        return self.n_bytes(image) < 3 * image.width * image.height

    @property
    def _short_side(self) -> int:
        # Large enough that the smallest crop need not be enlarged.
        return max(self.pre.resize, math.ceil(self.pre.size / math.sqrt(self.crop)))

    def _size_of(self, width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, self._short_side / min(width, height))
        return round(width * scale), round(height * scale)


def images_to_decode(
    cache: RowCache | None, form: Form, images: Sequence[ImageRecord]
) -> list[ImageRecord]:
    """Return the images, each content once, that a pass has to decode because they are not cached.

    Only the headers of the cache's files are read.
    """
    different = {image.sha256: image for image in images}
    if cache is None:
        return list(different.values())
    keys = list(different)
    held = cache.shelf(form.recipe).find(keys, verified=False)
    return [different[key] for key, is_held in zip(keys, held, strict=True) if not is_held]


class CachedPixels:
    """Cached decoded images, read and completed by one pass over `images`.

    A separate thread writes to the cache while the pass goes on.
    """

    def __init__(self, cache: RowCache, form: Form, images: Sequence[ImageRecord]) -> None:
        self._shelf = cache.shelf(form.recipe)
        # Reading what is larger than the image would save nothing.
        large = [image for image in images if form.is_worth_caching(image)]
        needed = {image.sha256: form.n_bytes(image) for image in large}
        self._rows = _find(self._shelf, list(needed))
        self._missing = needed.keys() - self._rows.keys()
        self._has_room = self._shelf.has_room_for(sum(needed[key] for key in self._missing))
        self._added: dict[str, Pixels] = {}
        self._added_bytes = 0
        # One thread suffices: a block is handed over only when the last one is written.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="transferlab-data-writer")
        self._written: Future[bool] | None = None

    def find(self, image: ImageRecord) -> Pixels | None:
        """Return its read-only pixels, or None if it must be decoded."""
        return self._rows.get(image.sha256)

    def add(self, image: ImageRecord, pixels: Pixels) -> None:
        """Cache the pixels of an image that had to be decoded; they must not change afterwards."""
        if self._has_room and image.sha256 in self._missing:
            # Copies of an image come several times in a pass, and are cached once.
            self._missing.remove(image.sha256)
            self._added[image.sha256] = pixels
            self._added_bytes += pixels.nbytes
            if self._added_bytes >= _BLOCK_BYTES:
                self._write()

    def finish(self) -> None:
        """Write the remaining images and wait for the writer."""
        self._write()
        self._wait()

    def close(self) -> None:
        self._writer.shutdown(cancel_futures=True)

    def _write(self) -> None:
        self._wait()
        if not self._added:
            return
        keys = list(self._added)
        rows = list(self._added.values())
        self._written = self._writer.submit(self._shelf.write, keys, rows)
        self._added = {}
        self._added_bytes = 0

    def _wait(self) -> None:
        # Waiting for the previous block keeps no more than two in memory.
        if self._written:
            self._has_room = self._written.result()
            self._written = None


def _find(shelf: Shelf, keys: Sequence[str]) -> dict[str, Pixels]:
    present = [key for key, is_cached in zip(keys, shelf.find(keys), strict=True) if is_cached]
    try:
        rows = shelf.rows(present)
    except CacheMiss:
        # Another process has deleted some since.
        return {}
    return {key: rows[index] for index, key in enumerate(present)}
