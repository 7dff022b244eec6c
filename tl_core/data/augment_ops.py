"""What augmentation can do to a batch of uint8 images, each image with values of its own.

On the CPU a pixel comes out the same however images are batched: nothing goes through a matrix product or a
convolution, whose rounding depends on how they share out the work, and sums over an image are exact.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision

_GREY = (0.299, 0.587, 0.114)


class Op(NamedTuple):
    """One thing to do to one image."""

    name: str
    """A key of `OPS`."""
    values: tuple[float, ...] = ()
    """What its function says."""


def flip(images: Tensor, values: Tensor) -> Tensor:
    return images.flip(3)


def vertical_flip(images: Tensor, values: Tensor) -> Tensor:
    return images.flip(2)


def recolour(images: Tensor, values: Tensor) -> Tensor:
    """Values: how much of each pixel, of its grey and of the image's mean grey make the new pixel."""
    own, from_grey, from_mean = _columns(values)
    pixels = images.float()
    grey = _grey(pixels)
    # Summed in double precision, which holds these few bits exactly, whatever the order.
    mean = grey.mean((2, 3), keepdim=True, dtype=torch.float64).float()
    # Half a step is added, because the cast at the end cuts off.
    grey.mul_(from_grey).add_(mean.mul_(from_mean).add_(0.5))
    return pixels.mul_(own).add_(grey).clamp_(0, 255).to(torch.uint8)


def warp(images: Tensor, values: Tensor) -> Tensor:
    """Turn, shear or shift; what comes in from beyond the borders is the image mirrored there.

    Values: two rows that map a place in the result to one in `images`: (x, y, shift), both measured from the middle in
    pixels, shifts in shares of the width and of the height.
    """
    height, width = images.shape[2:]
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = (torch.arange(height, device=images.device) - (height - 1) / 2).view(-1, 1)
    xx, xy, shift_x, yx, yy, shift_y = (column.squeeze(1) for column in _columns(values))
    across = ((x * xx + y * xy) / width + shift_x) * 2
    down = ((x * yx + y * yy) / height + shift_y) * 2
    grid = torch.stack((across, down), dim=-1)
    moved = functional.grid_sample(
        images.float(), grid, "bilinear", "reflection", align_corners=False
    )
    return moved.round_().to(torch.uint8)


def sharpen(images: Tensor, values: Tensor) -> Tensor:
    """Values: a factor; below 1 blurs. The outermost pixels stay as they are, as in Pillow."""
    if min(images.shape[2:]) < 3:
        return images
    (factor,) = _columns(values)
    pixels = images.float()
    inner = pixels[:, :, 1:-1, 1:-1]
    rows = pixels[:, :, :-2] + pixels[:, :, 1:-1] + pixels[:, :, 2:]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = around.add_(inner * 4).div_(13).round_()
    inner.copy_((inner * factor).add_(smooth.mul_(1 - factor)).round_().clamp_(0, 255))
    return pixels.to(torch.uint8)


def posterize(images: Tensor, values: Tensor) -> Tensor:
    """Values: how many bits of each byte are kept, from 1 to 8."""
    (bits,) = _columns(values)
    return images & (256 - 2 ** (8 - bits)).to(torch.uint8)


def solarize(images: Tensor, values: Tensor) -> Tensor:
    """Values: from which brightness on, 0 to 255, pixels are inverted."""
    (threshold,) = _columns(values)
    return torch.where(images >= threshold.ceil().to(torch.uint8), 255 - images, images)


def auto_contrast(images: Tensor, values: Tensor) -> Tensor:
    done: Tensor = vision.autocontrast(images)
    return done


def equalize(images: Tensor, values: Tensor) -> Tensor:
    done: Tensor = vision.equalize(images)
    return done


def blur(images: Tensor, values: Tensor) -> Tensor:
    """Values: weights of a pixel itself and of those 1, 2 … to each side of it, above and below."""
    weights = _columns(values)
    reach = len(weights) - 1
    pixels = functional.pad(images.float(), (reach,) * 4, mode="replicate")
    for dimension in (2, 3):
        length = pixels.shape[dimension] - 2 * reach
        blurred = pixels.narrow(dimension, reach, length) * weights[0]
        for distance, weight in enumerate(weights[1:], start=1):
            sides = [
                pixels.narrow(dimension, reach + step, length) for step in (-distance, distance)
            ]
            blurred.add_((sides[0] + sides[1]).mul_(weight))
        pixels = blurred
    return pixels.round_().clamp_(0, 255).to(torch.uint8)


def erase(images: Tensor, values: Tensor) -> Tensor:
    """Cover a rectangle with the image's mean colour. Values: left, top, right and bottom in shares of the image."""
    height, width = images.shape[2:]
    left, top, right, bottom = _columns(values)
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = ((torch.arange(height, device=images.device) + 0.5) / height).view(-1, 1)
    covered = (x >= left) & (x < right) & (y >= top) & (y < bottom)
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
"""By name: from uint8 images [B, 3, H, W] and values [B, …] to as many new images. None changes what it is given."""


def _columns(values: Tensor) -> tuple[Tensor, ...]:
    """Each column of `values` as [B, 1, 1, 1], to go with images."""
    return values.view(len(values), -1, 1, 1, 1).unbind(1)


def _grey(pixels: Tensor) -> Tensor:
    """Rec. 601 luma of [B, 3, H, W], as [B, 1, H, W]; products and sums apart, so that they round alike everywhere."""
    red, green, blue = (
        pixels[:, channel : channel + 1] * weight for channel, weight in enumerate(_GREY)
    )
    return red.add_(green).add_(blue)
