"""From an upright RGB image to what a backbone expects, by the backbone's own figures."""

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tl_core.records import Preprocessing

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in an image's own pixels."""

FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def prepare(image: Image.Image, pre: Preprocessing, box: Box | None = None) -> Tensor:
    """Cut out `box` and resize it; without one, the middle, as torchvision and timm do when they evaluate.

    Returns:
        uint8, [3, size, size], laid out as Pillow has it: channels last.
    """
    resized = image.resize((pre.size, pre.size), FILTERS[pre.interpolation], box=box or _middle(image, pre))
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def normalise(batch: Tensor, pre: Preprocessing) -> Tensor:
    """From uint8 [B, 3, H, W] to the float range the backbone was trained on, on the batch's own device.

    The memory layout stays: channels first or last. To change it, change it before, where a pixel is a byte.
    """
    mean, std = _figures(pre, batch.device)
    if batch.is_contiguous() or not batch.is_contiguous(memory_format=torch.channels_last):
        return batch.float().sub_(mean.view(3, 1, 1)).div_(std.view(3, 1, 1))
    # By whole rows of pixels, since channel by channel it would take six times as long.
    n, _, height, width = batch.shape
    rows = batch.permute(0, 2, 3, 1).reshape(n, height, 3 * width).float()
    rows.sub_(mean.repeat(width)).div_(std.repeat(width))
    return rows.view(n, height, width, 3).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # what is made in it could not be used elsewhere
def _figures(pre: Preprocessing, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of bytes; kept, since copying them would make a GPU wait for every batch."""
    return torch.tensor(pre.mean, device=device) * 255, torch.tensor(pre.std, device=device) * 255


def _middle(image: Image.Image, pre: Preprocessing) -> Box:
    """The square that evaluation looks at; sizes are rounded as torchvision rounds them."""
    short = min(image.size)
    width, height = (pre.resize * side // short for side in image.size)
    left, top = round((width - pre.size) / 2.0), round((height - pre.size) / 2.0)
    x, y = image.width / width, image.height / height
    right, bottom = min((left + pre.size) * x, image.width), min((top + pre.size) * y, image.height)
    return left * x, top * y, right, bottom
