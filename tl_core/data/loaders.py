"""Batches of decoded images, a little ahead of the model."""

import random
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tl_core.data.images import image_path, open_rgb
from tl_core.data.threads import map_ahead
from tl_core.data.transforms import augment, prepare
from tl_core.errors import Cancelled, ImageUnusable
from tl_core.records import ImageRecord, Preprocessing

BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Batch:
    images: Tensor
    """uint8, [B, 3, size, size]; `transforms.normalise` comes next, on the device."""
    labels: Tensor
    """int64, [B]."""
    positions: tuple[int, ...]
    """Each image's `ImageRecord.position`."""


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
    workers: int = 2,
    augment_seed: tuple[int, ...] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Batch, None, None]:
    """Decode `images` in the order given; the last batch may be smaller. Close it midway and its threads end.

    Args:
        folder: of the dataset.
        augment_seed: such as (seed, epoch); with the image's position it decides the augmentation. None for none.
        should_stop: asked after every image, since a batch of large photos can take seconds. It must be cheap.

    Raises:
        Cancelled: `should_stop` said so.
        ImageUnusable: a stored file is gone or damaged; the message names it.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")

    def load(image: ImageRecord) -> Tensor:
        return _load(folder, image, pre, augment_seed)

    tensors = map_ahead(load, images, workers, ahead=BATCHES_AHEAD * batch_size + workers)
    try:
        for start in range(0, len(images), batch_size):
            chunk = slice(start, start + batch_size)
            yield Batch(
                images=torch.stack(list(_until(should_stop, islice(tensors, len(images[chunk]))))),
                labels=torch.tensor(labels[chunk], dtype=torch.int64),
                positions=tuple(image.position for image in images[chunk]),
            )
    finally:
        tensors.close()


def _until(should_stop: Callable[[], bool], tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    for tensor in tensors:
        if should_stop():
            raise Cancelled("Stopped as asked.")
        yield tensor


def read_input(file: Path | BinaryIO, pre: Preprocessing, max_pixels: int) -> Tensor:
    """One image as evaluation sees it: what the batches hold, for files that are in no dataset.

    Returns:
        uint8, [3, size, size].

    Raises:
        ImageUnusable: with the reason.
    """
    return prepare(_open(file, pre, max_pixels), pre)


def _open(file: Path | BinaryIO, pre: Preprocessing, max_pixels: int) -> Image.Image:
    return open_rgb(file, max_pixels, draft_side=pre.resize).pixels


def _load(folder: Path, image: ImageRecord, pre: Preprocessing, augment_seed: tuple[int, ...] | None) -> Tensor:
    try:
        pixels = _open(image_path(folder, image), pre, image.width * image.height)
    except ImageUnusable as error:
        raise ImageUnusable(f'The stored image "{image.name}" cannot be read any more. {error}') from error
    if augment_seed is None:
        return prepare(pixels, pre)
    return augment(pixels, pre, random.Random(repr((*augment_seed, image.position))))
