"""Augmentation operations on a batch of uint8 images, with separate parameters for each image.

On the CPU, results do not depend on the batch: no operation uses a matrix product or a convolution,
whose rounding depends on how the work is divided, and sums over an image are exact.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision

_GREY = (0.299, 0.587, 0.114)


class Op(NamedTuple):
    """Operation on one image, with its parameters."""

    name: str
    """Key of `OPS`."""
    values: tuple[float, ...] = ()
    """Parameters, as the operation's function describes them."""


def flip(images: Tensor, values: Tensor) -> Tensor:
    return images.flip(3)


def vertical_flip(images: Tensor, values: Tensor) -> Tensor:
    return images.flip(2)


def recolour(images: Tensor, values: Tensor) -> Tensor:
    """Mix each pixel with its own grey and the mean grey of the image.

    Values: weights of the pixel, of its grey and of the mean grey.
    """
    own, from_grey, from_mean = _columns(values)
    pixels = images.float()
    grey = _grey(pixels)
    # Double precision holds these sums exactly, so that the order of summation cannot matter.
    mean = grey.mean((2, 3), keepdim=True, dtype=torch.float64).float()
    # The cast at the end truncates; adding one half makes it round.
    grey.mul_(from_grey).add_(mean.mul_(from_mean).add_(0.5))
    return pixels.mul_(own).add_(grey).clamp_(0, 255).to(torch.uint8)


def warp(images: Tensor, values: Tensor) -> Tensor:
    """Apply an affine map (rotate, shear or shift); the image is mirrored at its borders.

    Values: two rows (x, y, shift) that map a position in the result to one in `images`. Positions
    are in pixels from the centre, shifts in shares of the width and of the height.
    """
    height, width = images.shape[2:]
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = (torch.arange(height, device=images.device) - (height - 1) / 2).view(-1, 1)
    xx, xy, shift_x, yx, yy, shift_y = (column.squeeze(1) for column in _columns(values))
    # `grid_sample` measures from -1 to 1, hence the factor of 2.
    across = ((x * xx + y * xy) / width + shift_x) * 2
    down = ((x * yx + y * yy) / height + shift_y) * 2
    grid = torch.stack((across, down), dim=-1)
    moved = functional.grid_sample(
        images.float(), grid, "bilinear", "reflection", align_corners=False
    )
    return moved.round_().to(torch.uint8)


def sharpen(images: Tensor, values: Tensor) -> Tensor:
    """Sharpen, or blur with a factor below 1. As in Pillow, the outermost pixels do not change.

    Values: factor.
    """
    # So small an image has no inner pixels.
    if min(images.shape[2:]) < 3:
        return images
    (factor,) = _columns(values)
    pixels = images.float()
    inner = pixels[:, :, 1:-1, 1:-1]
    # The sum over 3 x 3 pixels in two steps; sums of bytes are exact in float32.
    rows = pixels[:, :, :-2] + pixels[:, :, 1:-1] + pixels[:, :, 2:]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    # Pillow's smoothing kernel: the middle pixel weighs 5 of 13, each neighbour 1.
    smooth = around.add_(inner * 4).div_(13).round_()
    inner.copy_((inner * factor).add_(smooth.mul_(1 - factor)).round_().clamp_(0, 255))
    return pixels.to(torch.uint8)


def posterize(images: Tensor, values: Tensor) -> Tensor:
    """Reduce the number of colours. Values: bits per channel, from 1 to 8."""
    (bits,) = _columns(values)
    # A mask that clears the low bits: 255 for eight bits, 128 for one.
    return images & (256 - 2 ** (8 - bits)).to(torch.uint8)


def solarize(images: Tensor, values: Tensor) -> Tensor:
    """Invert pixels from a threshold upwards. Values: threshold, from 0 to 255."""
    (threshold,) = _columns(values)
    # Bytes reach a threshold exactly if they reach its ceiling, so no conversion to float is
    # needed.
    return torch.where(images >= threshold.ceil().to(torch.uint8), 255 - images, images)


def auto_contrast(images: Tensor, values: Tensor) -> Tensor:
    done: Tensor = vision.autocontrast(images)
    return done


def equalize(images: Tensor, values: Tensor) -> Tensor:
    done: Tensor = vision.equalize(images)
    return done


def blur(images: Tensor, values: Tensor) -> Tensor:
    """Blur with a symmetric kernel. Values: weights of the pixels at distances 0, 1, 2 …"""
    weights = _columns(values)
    reach = len(weights) - 1
    # Zeros outside the image would darken its borders.
    pixels = functional.pad(images.float(), (reach,) * 4, mode="replicate")
    # A Gaussian is separable: columns first, then rows.
    for dimension in (2, 3):
        length = pixels.shape[dimension] - 2 * reach
        blurred = pixels.narrow(dimension, reach, length) * weights[0]
        for distance, weight in enumerate(weights[1:], start=1):
            before = pixels.narrow(dimension, reach - distance, length)
            after = pixels.narrow(dimension, reach + distance, length)
            blurred.add_((before + after).mul_(weight))
        pixels = blurred
    return pixels.round_().clamp_(0, 255).to(torch.uint8)


def erase(images: Tensor, values: Tensor) -> Tensor:
    """Cover a rectangle with the image's mean colour.

    Values: left, top, right and bottom, in shares of the image.
    """
    height, width = images.shape[2:]
    left, top, right, bottom = _columns(values)
    # A pixel is covered if its centre is.
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = ((torch.arange(height, device=images.device) + 0.5) / height).view(-1, 1)
    covered = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    # Integers, whose sum is exact in any order.
    mean = images.sum((2, 3), keepdim=True, dtype=torch.int64) // (height * width)
    return torch.where(covered, mean.to(torch.uint8), images)


OPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    op.__name__: op
    for op in (
        flip,
        vertical_flip,
        recolour,
        warp,
        sharpen,
        posterize,
        solarize,
        auto_contrast,
        equalize,
        blur,
        erase,
    )
}
"""Operations by name: each takes uint8 images [B, 3, H, W] and values [B, …] and returns new images
without changing its input."""


def _columns(values: Tensor) -> tuple[Tensor, ...]:
    """Split `values` into columns of shape [B, 1, 1, 1], which broadcast over images."""
    return values.view(len(values), -1, 1, 1, 1).unbind(1)


def _grey(pixels: Tensor) -> Tensor:
    """Return the luma (ITU-R BT.601) of [B, 3, H, W] as [B, 1, H, W]."""
    # Products and sums are separate calls: fused ones round differently from machine to machine.
    red, green, blue = (
        pixels[:, channel : channel + 1] * weight for channel, weight in enumerate(_GREY)
    )
    return red.add_(green).add_(blue)
