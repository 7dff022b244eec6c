"""Batches of decoded images, a little ahead of the model."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tl_core.config import AugmentConfig
from tl_core.data.augment import View, draft_side, vary
from tl_core.data.augment_draws import Draws
from tl_core.data.images import image_path, open_rgb
from tl_core.data.threads import map_ahead
from tl_core.data.transforms import prepare
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
    workers: int = 2,
    augment: AugmentConfig | None = None,
    augment_seed: tuple[int, ...] | None = None,
    on_device: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Batch, None, None]:
    """Decode `images` in the order given; the last batch may be smaller. Close it midway and its threads end.

    Args:
        folder: of the dataset.
        augment: how to vary the images. They are varied where this and `augment_seed` are both given.
        augment_seed: such as (seed, epoch); with the image's position it decides what happens to the image.
        on_device: only crop and resize here, and leave the rest to the caller as `Batch.draws`.
        should_stop: asked after every image, since a batch of large photos can take seconds. It must be cheap.

    Raises:
        Cancelled: `should_stop` said so.
        ImageUnusable: a stored file is gone or damaged; the message names it.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")

    config = None if augment_seed is None else augment

    def load(image: ImageRecord) -> View:
        pixels = _open_stored(folder, image, pre, config)
        if config is None or augment_seed is None:
            return View(prepare(pixels, pre))
        view = vary(pixels, pre, config, (*augment_seed, image.position))
        return view if on_device else View(view.finished())

    views = map_ahead(load, images, workers, ahead=BATCHES_AHEAD * batch_size + workers)
    try:
        for start in range(0, len(images), batch_size):
            chunk = slice(start, start + batch_size)
            ready = list(_until(should_stop, islice(views, len(images[chunk]))))
            yield Batch(
                images=torch.stack([view.pixels for view in ready]),
                labels=torch.tensor(labels[chunk], dtype=torch.int64),
                positions=tuple(image.position for image in images[chunk]),
                draws=tuple(view.draws for view in ready if view.draws),
            )
    finally:
        views.close()


def read_input(file: Path | BinaryIO, pre: Preprocessing, max_pixels: int) -> Tensor:
    """One image as evaluation sees it: what the batches hold, for files that are in no dataset.

    Returns:
        uint8, [3, size, size].

    Raises:
        ImageUnusable: with the reason.
    """
    return prepare(_open(file, pre, max_pixels), pre)


def _until(should_stop: Callable[[], bool], views: Iterable[View]) -> Iterator[View]:
    for view in views:
        if should_stop():
            raise Cancelled("Stopped as asked.")
        yield view


def _open_stored(folder: Path, image: ImageRecord, pre: Preprocessing, config: AugmentConfig | None) -> Image.Image:
    try:
        return _open(image_path(folder, image), pre, image.width * image.height, config)
    except ImageUnusable as error:
        raise ImageUnusable(f'The stored image "{image.name}" cannot be read any more. {error}') from error


def _open(
    file: Path | BinaryIO, pre: Preprocessing, max_pixels: int, config: AugmentConfig | None = None
) -> Image.Image:
    return open_rgb(file, max_pixels, draft_side(pre, config)).pixels
