"""Batches of decoded images, a little ahead of the model."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import torch
from torch import Tensor

from tl_core.cache import RowCache
from tl_core.config import AugmentConfig
from tl_core.data.augment import View, decide, vary
from tl_core.data.augment_draws import Draws
from tl_core.data.images import image_path
from tl_core.data.pixels import Form, KeptPixels
from tl_core.data.resizing import Pixels
from tl_core.data.threads import default_workers, groups_ahead
from tl_core.data.transforms import prepare
from tl_core.errors import ImageUnusable
from tl_core.records import ImageRecord, Preprocessing
from tl_core.stopping import NEVER, Stop

BATCHES_AHEAD = 2
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ImageBatch:
    images: Tensor
    """uint8, [B, 3, size, size], channels last in memory; `transforms.normalise` comes next, on the device."""
    labels: Tensor
    """int64, [B]."""
    positions: tuple[int, ...]
    """Each image's `ImageRecord.position`."""
    draws: tuple[Draws, ...] = ()
    """For each image what is left to do to it with `apply_draws`, on the device; none where all is done."""


def shuffled(n: int, seed: int, epoch: int) -> list[int]:
    """The numbers below `n` in an order that only `seed` and `epoch` decide."""
    order: list[int] = np.random.default_rng((seed, epoch)).permutation(n).tolist()
    return order


def iterate_batches(
    folder: Path,
    images: Sequence[ImageRecord],
    labels: Sequence[int],
    pre: Preprocessing,
    *,
    batch_size: int,
    workers: int | None = None,
    augment: AugmentConfig | None = None,
    augment_seed: tuple[int, ...] | None = None,
    on_device: bool = False,
    cache: RowCache | None = None,
    stop: Stop = NEVER,
) -> Generator[ImageBatch, None, None]:
    """Decode `images` in the order given; the last batch may be smaller. Close it midway and its threads end.

    Args:
        folder: of the dataset.
        workers: threads that decode; by default what suits this machine's cores.
        augment: how to vary the images. They are varied where this and `augment_seed` are both given.
        augment_seed: such as (seed, epoch); with the image's position it decides what happens to the image.
        on_device: for a GPU: only crop and resize here, and leave the rest to the caller as
            `ImageBatch.draws`.
        cache: where decoded images are looked for, and kept when they all fit. The pixels are the same without.
        stop: asked after every image, since a batch of large photos can take seconds. It must be
            cheap to ask.

    Raises:
        Cancelled: it was asked to stop.
        ImageUnusable: a stored file is gone or damaged; the message names it.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    if augment_seed is None:
        augment = None
    form = Form.of(pre, augment)
    with ExitStack() as stack:
        kept = stack.enter_context(closing(KeptPixels(cache, form, images))) if cache else None
        reader = _Reader(folder, form, augment, augment_seed or (), on_device, kept)
        begun: deque[_Unfinished] = deque()
        pinned = on_device and torch.cuda.is_available()

        def groups() -> Iterator[list[_Task]]:
            for start in range(0, len(images), batch_size):
                chunk = slice(start, start + batch_size)
                begun.append(_Unfinished(images[chunk], labels[chunk], pre.size, pinned))
                yield reader.share_out(begun[-1])

        groups_done = groups_ahead(
            reader.read, groups(), workers or default_workers(), BATCHES_AHEAD
        )
        for new in stack.enter_context(closing(groups_done)):
            for image, pixels in chain.from_iterable(_until(stop, new)):
                if kept:
                    kept.add(image, pixels)
            yield begun.popleft().finished()
        if kept:
            kept.finish()


def read_input(file: Path | BinaryIO, pre: Preprocessing, max_pixels: int) -> Tensor:
    """One image as evaluation sees it: what the batches hold, for files that are in no dataset.

    Returns:
        uint8, [3, size, size].

    Raises:
        ImageUnusable: with the reason.
    """
    return prepare(Form(pre).open(file, max_pixels), pre)


def _until(stop: Stop, items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        stop.check()
        yield item


class _Unfinished:
    """A batch that threads are filling."""

    def __init__(
        self, images: Sequence[ImageRecord], labels: Sequence[int], side: int, pinned: bool
    ) -> None:
        """`pinned` memory is what a GPU reads while the CPU goes on."""
        self.images = images
        self._labels = torch.tensor(labels, dtype=torch.int64, pin_memory=pinned)
        self._pixels = torch.empty(
            (len(images), side, side, 3), dtype=torch.uint8, pin_memory=pinned
        )
        self.out: Pixels = self._pixels.numpy()
        """uint8, [B, size, size, 3]."""
        self.draws: list[Draws | None] = [None] * len(images)

    def finished(self) -> ImageBatch:
        draws = tuple(each for each in self.draws if each)
        return ImageBatch(
            self._pixels.permute(0, 3, 1, 2),
            self._labels,
            tuple(image.position for image in self.images),
            draws,
        )


_Task = tuple[_Unfinished, Sequence[int]]
"""Places in a batch that one thread fills."""


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    form: Form
    augment: AugmentConfig | None
    seed: tuple[int, ...]
    on_device: bool
    kept: KeptPixels | None

    def share_out(self, batch: _Unfinished) -> list[_Task]:
        """Each image to a task of its own, but all that need only be copied to a single one."""
        is_copied = self.form.crop == 1 and (self.augment is None or self.on_device)
        copied = [
            place
            for place, image in enumerate(batch.images)
            if is_copied and self._find(image) is not None
        ]
        rest = sorted(set(range(len(batch.images))).difference(copied))
        return [*([(batch, copied)] if copied else []), *((batch, [place]) for place in rest)]

    def read(self, task: _Task) -> list[tuple[ImageRecord, Pixels]]:
        """Fill those places; gives the images that had to be decoded."""
        batch, places = task
        decoded = []
        for place in places:
            image = batch.images[place]
            pixels = self._find(image)
            if pixels is None:
                pixels = self._decode(image)
                decoded.append((image, pixels))
            batch.draws[place] = self._finish(image, pixels, batch.out[place])
        return decoded

    def _finish(self, image: ImageRecord, pixels: Pixels, out: Pixels) -> Draws | None:
        """Write to `out` what the model is to see; gives what is left to do to it."""
        if self.augment is None:
            out[:] = pixels
            return None
        seed, side = (*self.seed, image.position), self.form.pre.size
        if self.form.crop < 1:
            view = vary(pixels, self.form.pre, self.augment, seed)
        else:
            out[:] = pixels
            view = View(
                torch.from_numpy(out).permute(2, 0, 1), decide(self.augment, seed, (side, side))
            )
        if not self.on_device:
            view = View(view.finished())
        out[:] = view.pixels.permute(1, 2, 0).numpy()
        return view.draws

    def _find(self, image: ImageRecord) -> Pixels | None:
        return self.kept.find(image) if self.kept else None

    def _decode(self, image: ImageRecord) -> Pixels:
        try:
            return self.form.decode(image_path(self.folder, image), image.width * image.height)
        except ImageUnusable as error:
            raise ImageUnusable(
                f'The stored image "{image.name}" cannot be read any more. {error}'
            ) from error
