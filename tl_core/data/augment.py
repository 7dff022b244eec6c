"""Augmentation in two steps: `draw` decides what happens to an image, `apply_draws` does it to a batch of tensors.

What is drawn is plain data, so that all chance comes from one `random.Random` (torchvision's own classes use torch's
global generator, which threads share) and the work can be done on the CPU or on a GPU.
"""

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
from torch import Tensor

from tl_core.config import AugmentConfig
from tl_core.data.augment_draws import Draws, draw
from tl_core.data.augment_ops import OPS, Op
from tl_core.data.device_transfer import send
from tl_core.data.pixels import Form
from tl_core.data.resizing import Picture, size_of
from tl_core.data.transforms import prepare
from tl_core.records import Preprocessing


@dataclass(frozen=True, slots=True)
class View:
    """An image cut out and resized."""

    pixels: Tensor
    """uint8, [3, size, size]."""
    draws: Draws | None = None
    """What is left to do; None for nothing."""

    def finished(self) -> Tensor:
        """Uint8, [3, size, size], with nothing left to do."""
        return (
            self.pixels if self.draws is None else apply_draws(self.pixels[None], [self.draws])[0]
        )


def vary(image: Picture, pre: Preprocessing, config: AugmentConfig, seed: tuple[int, ...]) -> View:
    """Decide how to vary an image, by `seed` alone, and cut it out; the rest is left to do."""
    draws = decide(config, seed, size_of(image))
    return View(prepare(image, pre, draws.box), draws)


def decide(config: AugmentConfig, seed: tuple[int, ...], size: tuple[int, int]) -> Draws:
    """How to vary an image of that width and height, by `seed` alone."""
    return draw(config, random.Random(repr(seed)), size)


def apply_draws(images: Tensor, draws: Sequence[Draws]) -> Tensor:
    """Do to each image what was drawn for it, but for the cropping, which `prepare` has done.

    On the CPU, an image's pixels depend neither on the other images of the batch nor on the number of threads.

    Args:
        images: uint8 [B, 3, H, W], on the CPU or a CUDA GPU.
        draws: one for each image; none at all leaves the images as they are.

    Returns:
        uint8 [B, 3, H, W] on the same device; `images` itself is never changed.
    """
    if draws and len(draws) != len(images):
        raise ValueError(f"{len(images)} images but {len(draws)} draws")
    images = images.contiguous()  # one layout, for pixels that do not depend on it
    with _one_core() if images.device.type == "cpu" else nullcontext():
        for place in zip_longest(*(one.ops for one in draws)):
            images = _apply_place(images, place)
    return images


def _one_core() -> AbstractContextManager[object]:
    """Keeps torch to one core in this thread and no other, as `torch.set_num_threads` would not.

    Several threads prepare images at once. If each shared out its small pieces of work, they would wait for one
    another: where the cores are busy, a hundred times as long as the work takes.
    """
    torch.get_num_threads()  # a thread's first call of torch sets its number of cores, which must not come after ours
    limits: AbstractContextManager[object] = _openmp().limit(limits=1, user_api="openmp")
    return limits


@cache
def _openmp() -> ThreadpoolController:
    return ThreadpoolController()


def _apply_place(images: Tensor, place: Sequence[Op | None]) -> Tensor:
    members: dict[str, list[int]] = {}
    for index, op in enumerate(place):
        if op is not None:
            members.setdefault(op.name, []).append(index)
    done = images
    for name, indices in members.items():
        values = send(
            torch.tensor([op.values for op in place if op and op.name == name]), images.device
        )
        if len(indices) == len(place):
            return OPS[name](images, values)
        chosen = send(torch.tensor(indices), images.device)
        done = done.index_copy(0, chosen, OPS[name](images[chosen], values))
    return done


def preview(
    file: Path | BinaryIO,
    pre: Preprocessing,
    config: AugmentConfig,
    *,
    n: int = 8,
    seed: int = 0,
    max_pixels: int,
) -> list[Image.Image]:
    """One image as training sees it in `n` epochs; the same `seed` shows the same.

    Returns:
        `n` RGB images of size x size pixels.

    Raises:
        ImageUnusable: with the reason.
    """
    pixels = Form.of(pre, config).open(file, max_pixels)
    views = (vary(pixels, pre, config, (seed, number)).finished() for number in range(n))
    return [Image.fromarray(view.permute(1, 2, 0).contiguous().numpy()) for view in views]
