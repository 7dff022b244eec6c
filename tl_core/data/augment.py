"""Augmentation in two steps: `draw` samples operations for an image, `apply_draws` runs a batch.

Draws are plain data. All randomness comes from one `random.Random` (torchvision's transforms use
torch's global generator, which threads share), and the operations run on the CPU or on a GPU.
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
    """Cropped and resized image, with the augmentation that is still to be applied."""

    pixels: Tensor
    """Pixels as uint8 [3, size, size]."""
    draws: Draws | None = None
    """Operations still to be applied; None for none."""

    def finished(self) -> Tensor:
        """Apply the remaining operations and return uint8 [3, size, size]."""
        if self.draws is None:
            return self.pixels
        return apply_draws(self.pixels[None], [self.draws])[0]


def vary(image: Picture, pre: Preprocessing, config: AugmentConfig, seed: tuple[int, ...]) -> View:
    """Draw an image's augmentation from `seed` alone and crop it; the rest stays in `draws`."""
    draws = decide(config, seed, size_of(image))
    return View(prepare(image, pre, draws.box), draws)


def decide(config: AugmentConfig, seed: tuple[int, ...], size: tuple[int, int]) -> Draws:
    """Draw the augmentation of an image of `size` (width, height) from `seed` alone."""
    # `random.Random` takes no tuple as a seed, but its text.
    return draw(config, random.Random(repr(seed)), size)


def apply_draws(images: Tensor, draws: Sequence[Draws]) -> Tensor:
    """Apply to each image the operations drawn for it, except cropping, which `prepare` has done.

    On the CPU, an image's pixels depend neither on the rest of the batch nor on the thread count.

    Args:
        images: uint8 [B, 3, H, W], on the CPU or a CUDA GPU.
        draws: one per image; an empty sequence leaves the images unchanged.

    Returns:
        uint8 [B, 3, H, W] on the same device; `images` itself is never changed.
    """
    if draws and len(draws) != len(images):
        raise ValueError(f"{len(images)} images but {len(draws)} draws")
    # One memory layout, so that the result does not depend on the caller's.
    images = images.contiguous()
    with _one_core() if images.device.type == "cpu" else nullcontext():
        # Operations at one index come from one setting, so images share a call where they can.
        for ops in zip_longest(*(one.ops for one in draws)):
            images = _apply_step(images, ops)
    return images


def _one_core() -> AbstractContextManager[object]:
    """Limit torch to one core in this thread only; `torch.set_num_threads` would limit them all.

    Several threads prepare images at once. If each split its small operations across the cores,
    they would wait for one another: on busy cores, a hundred times as long as the work takes.
    """
    # A thread's first call into torch sets its number of cores and would undo an earlier limit.
    torch.get_num_threads()
    limits: AbstractContextManager[object] = _openmp().limit(limits=1, user_api="openmp")
    return limits


# Searching the process for its libraries takes milliseconds, too long for every batch.
@cache
def _openmp() -> ThreadpoolController:
    return ThreadpoolController()


def _apply_step(images: Tensor, ops: Sequence[Op | None]) -> Tensor:
    members: dict[str, list[int]] = {}
    for index, op in enumerate(ops):
        if op is not None:
            members.setdefault(op.name, []).append(index)
    result = images
    for name, indices in members.items():
        rows = [op.values for op in ops if op and op.name == name]
        values = send(torch.tensor(rows), images.device)
        # An operation for the whole batch needs no copies in and out.
        if len(indices) == len(ops):
            return OPS[name](images, values)
        chosen = send(torch.tensor(indices), images.device)
        # Not in place: the caller's images must not change.
        result = result.index_copy(0, chosen, OPS[name](images[chosen], values))
    return result


def preview(
    file: Path | BinaryIO,
    pre: Preprocessing,
    config: AugmentConfig,
    *,
    n: int = 8,
    seed: int = 0,
    max_pixels: int,
) -> list[Image.Image]:
    """Show an image as training would see it in `n` epochs; the same `seed` gives the same images.

    Returns:
        `n` RGB images of size x size pixels.

    Raises:
        ImageUnusable: the file cannot be decoded; the message gives the reason.
    """
    pixels = Form.of(pre, config).open(file, max_pixels)
    views = (vary(pixels, pre, config, (seed, number)).finished() for number in range(n))
    return [Image.fromarray(view.permute(1, 2, 0).contiguous().numpy()) for view in views]
