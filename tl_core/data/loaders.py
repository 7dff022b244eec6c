"""Mini-batches of decoded images, prepared ahead of the model."""

import time
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
from tl_core.cancellation import NEVER, Stop
from tl_core.config import AugmentConfig
from tl_core.data.augment import View, decide, vary
from tl_core.data.augment_draws import Draws
from tl_core.data.decoders import Decoders
from tl_core.data.images import image_path
from tl_core.data.pixels import CachedPixels, Form
from tl_core.data.reading_clock import ReadingClock, Tally
from tl_core.data.resizing import Pixels
from tl_core.data.threads import default_workers, groups_ahead
from tl_core.data.transforms import prepare
from tl_core.errors import ImageUnusable
from tl_core.records import ImageRecord, Preprocessing

BATCHES_AHEAD = 2
"""Batches prepared in advance, beyond the one in use."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ImageBatch:
    images: Tensor
    """Pixels as uint8 [B, 3, size, size], channels last in memory, not yet normalised."""
    labels: Tensor
    """Class indices as int64 [B]."""
    positions: tuple[int, ...]
    """`ImageRecord.position` of each image."""
    draws: tuple[Draws, ...] = ()
    """Augmentation still to be applied to each image, with `apply_draws`; empty for none."""


def shuffled(n: int, seed: int, epoch: int) -> list[int]:
    """Return the numbers below `n` in an order that depends only on `seed` and `epoch`."""
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
    clock: ReadingClock | None = None,
) -> Generator[ImageBatch, None, None]:
    """Decode `images` in the given order; the last batch may be smaller. Closing ends the threads.

    Args:
        workers: decoding threads; by default chosen by the number of cores.
        augment: augmentation settings, used if `augment_seed` is given too.
        augment_seed: such as (seed, epoch); with the image's position it fixes the augmentation.
        on_device: only crop and resize, and leave the rest to a GPU as `ImageBatch.draws`.
        cache: cache of decoded images, filled if they all fit; it does not change the pixels.
        stop: checked after every image, since a batch of large photos can take seconds.
        clock: counts the processor time of the threads.

    Raises:
        Cancelled: `stop` was set.
        ImageUnusable: a stored file is missing or damaged; the message names it.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    augment = augment if augment_seed is not None else None
    form = Form.of(pre, augment)
    with ExitStack() as stack:
        cached = stack.enter_context(closing(CachedPixels(cache, form, images))) if cache else None
        more = (on_device, cached, clock or ReadingClock())
        reader = _Reader(folder, form, augment, augment_seed or (), *more)
        pending: deque[_PendingBatch] = deque()
        # A GPU copies from pinned memory while the CPU goes on.
        pinned = on_device and torch.cuda.is_available()

        # A generator, so that a batch's memory is only allocated when its turn comes.
        def tasks_by_batch() -> Iterator[list[_Task]]:
            for start in range(0, len(images), batch_size):
                chunk = slice(start, start + batch_size)
                pending.append(_PendingBatch(images[chunk], labels[chunk], pre.size, pinned))
                yield reader.make_tasks(pending[-1])

        workers = workers or default_workers()
        results = groups_ahead(reader.read, tasks_by_batch(), workers, BATCHES_AHEAD)
        # Entered last and so closed first: the threads end before the cache that they use.
        for result in stack.enter_context(closing(results)):
            for image, pixels in chain.from_iterable(_until(stop, result)):
                if cached:
                    cached.add(image, pixels)
            yield pending.popleft().finished()
        # Only after a whole pass: when it is broken off, waiting for the disk would delay the end.
        if cached:
            cached.finish()


def read_input(
    file: Path | BinaryIO, pre: Preprocessing, max_pixels: int, decoders: Decoders | None = None
) -> Tensor:
    """Read an image that belongs to no dataset, preprocessed as for evaluation.

    Args:
        decoders: as in `Form.open`.

    Returns:
        uint8 [3, size, size].

    Raises:
        ImageUnusable: the file cannot be decoded; the message gives the reason.
    """
    return prepare(Form(pre).open(file, max_pixels, decoders), pre)


def _until(stop: Stop, items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        stop.check()
        yield item


class _PendingBatch:
    """Batch that threads are filling."""

    def __init__(
        self, images: Sequence[ImageRecord], labels: Sequence[int], side: int, pinned: bool
    ) -> None:
        self.images = images
        self._labels = torch.tensor(labels, dtype=torch.int64, pin_memory=pinned)
        # Channels last, as decoders deliver pixels, so that filling it is a plain copy.
        self._pixels = torch.empty(
            (len(images), side, side, 3), dtype=torch.uint8, pin_memory=pinned
        )
        self.out: Pixels = self._pixels.numpy()
        """Pixels as uint8 [B, size, size, 3], in memory shared with the tensor."""
        self.draws: list[Draws | None] = [None] * len(images)

    def finished(self) -> ImageBatch:
        positions = tuple(image.position for image in self.images)
        draws = tuple(each for each in self.draws if each)
        return ImageBatch(self._pixels.permute(0, 3, 1, 2), self._labels, positions, draws)


_Task = tuple[_PendingBatch, Sequence[int]]
"""Batch and the indices in it that one thread fills."""


def _count(tally: Tally, since: float) -> float:
    """Count an image with the thread's processor time `since` then, and return the time now."""
    now = time.thread_time()
    tally.add(1, now - since)
    return now


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    form: Form
    augment: AugmentConfig | None
    seed: tuple[int, ...]
    on_device: bool
    cached: CachedPixels | None
    clock: ReadingClock

    def make_tasks(self, batch: _PendingBatch) -> list[_Task]:
        """Give each image a task of its own, except those that only need copying from the cache.

        These share one task, since a single copy is not worth handing to a thread.
        """
        only_copies = self.form.crop == 1 and (self.augment is None or self.on_device)
        copied = [
            index
            for index, image in enumerate(batch.images)
            if only_copies and self._find(image) is not None
        ]
        others = sorted(set(range(len(batch.images))).difference(copied))
        tasks: list[_Task] = [(batch, [index]) for index in others]
        return [(batch, copied), *tasks] if copied else tasks

    def read(self, task: _Task) -> list[tuple[ImageRecord, Pixels]]:
        """Fill the task's part of its batch and return the images that had to be decoded."""
        batch, indices = task
        decoded = []
        times = Tally(), Tally(), Tally()
        now = time.thread_time()
        for index in indices:
            image = batch.images[index]
            pixels = self._find(image)
            if pixels is None:
                pixels = self._decode(image)
                decoded.append((image, pixels))
                now = _count(times[0], now)
            batch.draws[index] = self._finish(image, pixels, batch.out[index])
            if self.augment is not None:
                now = _count(times[1], now)
        times[2].add(len(indices), time.thread_time() - now)
        self.clock.add(self.form.name, *times)
        return decoded

    def _finish(self, image: ImageRecord, pixels: Pixels, out: Pixels) -> Draws | None:
        """Write the model's input to `out` and return the augmentation left to the device."""
        if self.augment is None:
            out[:] = pixels
            return None
        # The position and not the place in the batch: shuffling must not change the augmentation.
        seed = (*self.seed, image.position)
        side = self.form.pre.size
        if self.form.crop < 1:
            view = vary(pixels, self.form.pre, self.augment, seed)
        else:
            # Cached pixels are mapped read-only, so operations work on the copy.
            out[:] = pixels
            draws = decide(self.augment, seed, (side, side))
            view = View(torch.from_numpy(out).permute(2, 0, 1), draws)
        if not self.on_device:
            view = View(view.finished())
        out[:] = view.pixels.permute(1, 2, 0).numpy()
        return view.draws

    def _find(self, image: ImageRecord) -> Pixels | None:
        return self.cached.find(image) if self.cached else None

    def _decode(self, image: ImageRecord) -> Pixels:
        try:
            return self.form.decode(image_path(self.folder, image), image.width * image.height)
        except ImageUnusable as error:
            raise ImageUnusable(
                f'The stored image "{image.name}" cannot be read any more. {error}'
            ) from error
