"""What a training loop reads: images, or the activations of a frozen prefix over them. It cannot tell which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tl_core.cache import RowCache, Rows
from tl_core.config import AugmentConfig
from tl_core.data.augment import apply_draws
from tl_core.data.device_transfer import send
from tl_core.data.loaders import iterate_batches, shuffled
from tl_core.data.threads import map_ahead
from tl_core.data.transforms import normalise
from tl_core.records import ImageRecord, Preprocessing
from tl_core.stopping import NEVER, Stop

_BALANCED = 1
"""Keeps the draws of balanced epochs apart from the orders of plain ones."""


@dataclass(frozen=True, slots=True)
class Batch:
    inputs: Tensor
    """Float [B, …] on the device, ready for the model."""
    labels: Tensor
    """Int64 [B] on the device."""
    positions: tuple[int, ...]
    """Of the images in the dataset."""


class Examples(Protocol):
    """One side of a split."""

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """As many examples as there are, in an order, and with an augmentation, of the seed and `number` alone."""

    def once(self) -> Iterator[Batch]:
        """All examples in their own order, as they are."""


def epoch_order(labels: Sequence[int], seed: int, number: int, balance: bool) -> list[int]:
    """Which examples an epoch shows, in order, as only `seed` and `number` decide.

    All of them once; or, to `balance`, as many drawn with replacement, each class as likely as any other.
    """
    if not balance:
        return shuffled(len(labels), seed, number)
    shares = 1 / np.bincount(labels)[np.asarray(labels)]
    generator = np.random.default_rng((seed, number, _BALANCED))
    order: list[int] = generator.choice(len(labels), len(labels), p=shares / shares.sum()).tolist()
    return order


@dataclass(frozen=True)
class ImageExamples:
    """Images decoded from disk as they are needed."""

    folder: Path
    images: Sequence[ImageRecord]
    labels: Sequence[int]
    preprocessing: Preprocessing
    batch_size: int
    device: torch.device
    seed: int = 0
    augment: AugmentConfig | None = None
    stop: Stop = NEVER
    """Asked after every image that is read."""
    balance: bool = False
    """Draw every class as often as any other."""
    cache: RowCache | None = None
    """Keeps decoded images."""
    workers: int = 2
    """Threads that read images."""
    channels_last: bool = True
    """The layout in memory of what comes out, which PyTorch is fastest in."""

    def __len__(self) -> int:
        return len(self.images)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = epoch_order(self.labels, self.seed, number, self.balance)
        return self._read(order, (self.seed, number))

    def once(self) -> Iterator[Batch]:
        return self._read(range(len(self)), None)

    def view(self, number: int) -> Iterator[Batch]:
        """All examples in their own order; view 0 as they are, every other one augmented in its own way."""
        return self._read(range(len(self)), (self.seed, number) if number else None)

    def _read(self, order: Sequence[int], augment_seed: tuple[int, ...] | None) -> Iterator[Batch]:
        images, labels = [self.images[i] for i in order], [self.labels[i] for i in order]
        for batch in iterate_batches(
            self.folder,
            images,
            labels,
            self.preprocessing,
            batch_size=self.batch_size,
            augment=self.augment,
            augment_seed=augment_seed if self.augment else None,
            on_device=self.device.type
            == "cuda",  # where changing pixels costs nothing, and the CPU is the bottleneck
            cache=self.cache,
            workers=self.workers,
            stop=self.stop,
        ):
            pixels = batch.images.to(self.device, non_blocking=True)
            if batch.draws:
                pixels = apply_draws(pixels, batch.draws)
            # Bytes are turned in a quarter of the time that floats take.
            layout = torch.channels_last if self.channels_last else torch.contiguous_format
            inputs = normalise(pixels.contiguous(memory_format=layout), self.preprocessing)
            yield Batch(inputs, batch.labels.to(self.device, non_blocking=True), batch.positions)


class OnDisk:
    """Activations, [views, N, …], that are read as they are needed."""

    def __init__(self, rows: Rows, views: int) -> None:
        """Row v × N + i of `rows` is image i of N in view v."""
        self._rows, self._views = rows, views

    def __len__(self) -> int:
        return self._views

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Float32 [B, …] in main memory, of those rows, int64 [B]."""
        return torch.from_numpy(self._rows.gather(rows.numpy())).float()


@dataclass(frozen=True)
class FeatureExamples:
    """Activations of a frozen prefix, several views of each image, one of them drawn anew each epoch."""

    activations: Tensor | OnDisk
    """Float [views, N, …], on the device or on disk; view 0 is of the image as it is."""
    labels: Tensor
    """Int64 [N], in main memory."""
    positions: Sequence[int]
    batch_size: int
    device: torch.device
    seed: int = 0
    balance: bool = False
    """Draw every class as often as any other."""
    stop: Stop = NEVER
    """Asked before every batch."""

    def __len__(self) -> int:
        return len(self.labels)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = torch.tensor(epoch_order(self.labels.tolist(), self.seed, number, self.balance))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        views = torch.randint(len(self.activations), (len(self),), generator=generator)
        # Drawn twice, an example shows itself in two views; else a view belongs to an example.
        return self._read(order, views if self.balance else views[order])

    def once(self) -> Iterator[Batch]:
        return self._read(torch.arange(len(self)), torch.zeros(len(self), dtype=torch.long))

    def _read(self, order: Tensor, views: Tensor) -> Iterator[Batch]:
        # Labels, and which rows, are sent once for the whole epoch: of a batch's own a GPU would make every step wait.
        labels = torch.split(send(self.labels[order], self.device), self.batch_size)
        inputs = self._fetch(views * len(self) + order)
        for chosen, of_batch in zip(torch.split(order, self.batch_size), labels, strict=True):
            self.stop.check()
            yield Batch(next(inputs), of_batch, tuple(self.positions[i] for i in chosen.tolist()))

    def _fetch(self, rows: Tensor) -> Iterator[Tensor]:
        """Float32 [B, …] on the device, of those rows, batch by batch; from the disk while the model computes."""
        if isinstance(self.activations, Tensor):
            flat = self.activations.flatten(0, 1)
            for chosen in torch.split(send(rows, flat.device), self.batch_size):
                yield flat.index_select(0, chosen).float()
        else:
            on_disk = self.activations
            chosen_ones = torch.split(rows, self.batch_size)
            yield from map_ahead(
                lambda chosen: send(on_disk[chosen], self.device), chosen_ones, 1, ahead=2
            )
