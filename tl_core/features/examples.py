"""What a training loop reads: images, or the activations of a frozen prefix over them. It cannot tell which."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from tl_core.data.loaders import iterate_batches, shuffled
from tl_core.data.transforms import normalise
from tl_core.records import ImageRecord, Preprocessing


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
        """All examples in an order, and with an augmentation, that depend on the seed and on `number` alone."""

    def once(self) -> Iterator[Batch]:
        """All examples in their own order, as they are."""


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
    augment: bool = False
    should_stop: Callable[[], bool] = lambda: False
    """Asked after every image that is read."""

    def __len__(self) -> int:
        return len(self.images)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = shuffled(len(self), self.seed, number)
        return self._read(order, (self.seed, number) if self.augment else None)

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
            augment_seed=augment_seed,
            should_stop=self.should_stop,
        ):
            inputs = normalise(batch.images.to(self.device), self.preprocessing)
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield Batch(inputs, batch.labels.to(self.device), tuple(batch.positions))


@dataclass(frozen=True)
class FeatureExamples:
    """Activations of a frozen prefix, several views of each image, one of them drawn anew each epoch."""

    activations: Tensor
    """Float [views, N, …] in main memory; view 0 is of the image as it is."""
    labels: Tensor
    """Int64 [N]."""
    positions: Sequence[int]
    batch_size: int
    device: torch.device
    seed: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def epoch(self, number: int) -> Iterator[Batch]:
        order = torch.tensor(shuffled(len(self), self.seed, number))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        views = torch.randint(self.activations.shape[0], (len(self),), generator=generator)
        return self._read(order, views)

    def once(self) -> Iterator[Batch]:
        return self._read(torch.arange(len(self)), torch.zeros(len(self), dtype=torch.long))

    def _read(self, order: Tensor, views: Tensor) -> Iterator[Batch]:
        for chosen in torch.split(order, self.batch_size):
            inputs = self.activations[views[chosen], chosen].to(self.device)
            positions = tuple(self.positions[i] for i in chosen.tolist())
            yield Batch(inputs, self.labels[chosen].to(self.device), positions)
