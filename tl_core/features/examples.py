"""Examples for the training loop: images, or the activations of a frozen prefix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tl_core.cache import RowCache, Rows
from tl_core.cancellation import NEVER, Stop
from tl_core.config import AugmentConfig
from tl_core.data.augment import apply_draws
from tl_core.data.device_transfer import send
from tl_core.data.loaders import iterate_batches, shuffled
from tl_core.data.reading_clock import ReadingClock
from tl_core.data.threads import map_ahead
from tl_core.data.transforms import normalise
from tl_core.records import ImageRecord, Preprocessing

_BALANCED = 1
"""Part of the seed that separates balanced epochs from plain ones."""
_VIEWS = 0
"""Seed of the views of every run."""


@dataclass(frozen=True, slots=True)
class Batch:
    inputs: Tensor
    """Model inputs on the device, float [B, …]."""
    labels: Tensor
    """True labels on the device, int64 [B]."""
    positions: tuple[int, ...]
    """`ImageRecord.position` of each image."""


class Examples(Protocol):
    """Examples of one side of the split."""

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield an epoch; seed and `number` alone decide its order and its augmentation."""

    def once(self) -> Iterator[Batch]:
        """Yield all examples in their own order, without augmentation."""


def epoch_order(labels: Sequence[int], seed: int, number: int, balance: bool) -> list[int]:
    """Return the indices of an epoch's examples, in order, from `seed` and `number` alone.

    Each index occurs once. With `balance`, as many are drawn with replacement, all classes with
    equal probability.
    """
    if not balance:
        return shuffled(len(labels), seed, number)
    # The images of each class together get the same probability, however many they are.
    shares = 1 / np.bincount(labels)[np.asarray(labels)]
    generator = np.random.default_rng((seed, number, _BALANCED))
    order: list[int] = generator.choice(len(labels), len(labels), p=shares / shares.sum()).tolist()
    return order


@dataclass(frozen=True)
class ImageExamples:
    """Images, decoded from disk when they are needed."""

    folder: Path
    images: Sequence[ImageRecord]
    labels: Sequence[int]
    preprocessing: Preprocessing
    batch_size: int
    device: torch.device
    seed: int = 0
    augment: AugmentConfig | None = None
    stop: Stop = NEVER
    """Checked after every image."""
    balance: bool = False
    """Draw all classes with equal probability."""
    cache: RowCache | None = None
    """Cache of decoded images."""
    workers: int = 2
    """Threads that read images."""
    channels_last: bool = True
    """Memory layout of the inputs; PyTorch's convolutions are faster with it."""
    clock: ReadingClock | None = None
    """Counts the processor time of the threads."""

    def __len__(self) -> int:
        return len(self.images)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = epoch_order(self.labels, self.seed, number, self.balance)
        return self._read(order, (self.seed, number))

    def once(self) -> Iterator[Batch]:
        return self._read(range(len(self)), None)

    def view(self, number: int) -> Iterator[Batch]:
        """Yield all examples in their own order; view 0 plain, the others augmented.

        The seed has no part in it, so that runs with other seeds share what is computed of a view.
        """
        return self._read(range(len(self)), (_VIEWS, number) if number else None)

    def _read(self, order: Sequence[int], augment_seed: tuple[int, ...] | None) -> Iterator[Batch]:
        for batch in iterate_batches(
            self.folder,
            [self.images[i] for i in order],
            [self.labels[i] for i in order],
            self.preprocessing,
            batch_size=self.batch_size,
            augment=self.augment,
            augment_seed=augment_seed if self.augment else None,
            # With a GPU the CPU is the bottleneck, so the GPU augments.
            on_device=self.device.type == "cuda",
            cache=self.cache,
            workers=self.workers,
            stop=self.stop,
            clock=self.clock,
        ):
            pixels = batch.images.to(self.device, non_blocking=True)
            if batch.draws:
                pixels = apply_draws(pixels, batch.draws)
            # Changing the layout of bytes takes a quarter of the time that floats take.
            layout = torch.channels_last if self.channels_last else torch.contiguous_format
            inputs = normalise(pixels.contiguous(memory_format=layout), self.preprocessing)
            yield Batch(inputs, batch.labels.to(self.device, non_blocking=True), batch.positions)


class OnDisk:
    """Activations [views, N, …] that are read from disk when they are needed."""

    def __init__(self, rows: Rows, views: int) -> None:
        """Wrap `rows`, where row v × N + i holds image i of N in view v."""
        self._rows = rows
        self._views = views

    def __len__(self) -> int:
        return self._views

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Read the rows with indices `rows`, int64 [B], as float32 [B, …] in main memory."""
        return torch.from_numpy(self._rows.gather(rows.numpy())).float()


@dataclass(frozen=True)
class FeatureExamples:
    """Activations of a frozen prefix in several views per image; each epoch draws one of them.

    The views are the same for every seed, which decides the view that an epoch draws.
    """

    activations: Tensor | OnDisk
    """Activations, float [views, N, …], on the device or on disk; view 0 is not augmented."""
    labels: Tensor
    """True labels, int64 [N], in main memory."""
    positions: Sequence[int]
    batch_size: int
    device: torch.device
    seed: int = 0
    balance: bool = False
    """Draw all classes with equal probability."""
    stop: Stop = NEVER
    """Checked before every batch."""

    def __len__(self) -> int:
        return len(self.labels)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = torch.tensor(epoch_order(self.labels.tolist(), self.seed, number, self.balance))
        # Multiplied, so that seed 1 in epoch 2 and seed 2 in epoch 1 do not draw the same.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        views = torch.randint(len(self.activations), (len(self),), generator=generator)
        # In balanced epochs an example may be drawn twice, and then appears in two views.
        return self._read(order, views if self.balance else views[order])

    def once(self) -> Iterator[Batch]:
        return self._read(torch.arange(len(self)), torch.zeros(len(self), dtype=torch.long))

    def _read(self, order: Tensor, views: Tensor) -> Iterator[Batch]:
        # Labels and row indices are sent once per epoch; transfers per batch would stall a GPU.
        labels = torch.split(send(self.labels[order], self.device), self.batch_size)
        inputs = self._fetch(views * len(self) + order)
        for chosen, of_batch in zip(torch.split(order, self.batch_size), labels, strict=True):
            self.stop.check()
            yield Batch(next(inputs), of_batch, tuple(self.positions[i] for i in chosen.tolist()))

    def _fetch(self, rows: Tensor) -> Iterator[Tensor]:
        """Yield rows batch by batch, float32 [B, …] on the device; a thread reads the disk."""
        if isinstance(self.activations, Tensor):
            flat = self.activations.flatten(0, 1)
            for chosen in torch.split(send(rows, flat.device), self.batch_size):
                # Widened batch by batch, so that float16 activations take half of the memory.
                yield flat.index_select(0, chosen).float()
        else:
            on_disk = self.activations
            chosen_ones = torch.split(rows, self.batch_size)
            # One thread suffices: it reads the next batch while training is busy with this one.
            yield from map_ahead(
                lambda chosen: send(on_disk[chosen], self.device), chosen_ones, 1, ahead=2
            )
