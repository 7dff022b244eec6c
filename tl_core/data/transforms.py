"""From an upright RGB image to what a backbone expects, by the backbone's own figures."""

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
        uint8, [3, size, size].
    """
    resized = image.resize((pre.size, pre.size), FILTERS[pre.interpolation], box=box or _middle(image, pre))
    return torch.from_numpy(np.array(np.asarray(resized).transpose(2, 0, 1), order="C"))


def normalise(batch: Tensor, pre: Preprocessing) -> Tensor:
    """From uint8 [B, 3, H, W] to the float range the backbone was trained on, on the batch's own device."""
    mean = torch.tensor(pre.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(pre.std, device=batch.device).view(1, 3, 1, 1)
    return batch.float().sub_(mean * 255).div_(std * 255)


def _middle(image: Image.Image, pre: Preprocessing) -> Box:
    """The square that evaluation looks at; sizes are rounded as torchvision rounds them."""
    short = min(image.size)
    width, height = (pre.resize * side // short for side in image.size)
    left, top = round((width - pre.size) / 2.0), round((height - pre.size) / 2.0)
    x, y = image.width / width, image.height / height
    right, bottom = min((left + pre.size) * x, image.width), min((top + pre.size) * y, image.height)
    return left * x, top * y, right, bottom
