"""From an upright RGB image to what a backbone expects, by the backbone's own figures."""

import math
import random

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from tl_core.records import Preprocessing

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_CROP_SCALE = (0.5, 1.0)
_CROP_RATIO = (3 / 4, 4 / 3)
_JITTER = 0.2


def prepare(image: Image.Image, pre: Preprocessing) -> Tensor:
    """Resize the short side and cut out the middle, as torchvision and timm do when they evaluate.

    Returns:
        uint8, [3, size, size].
    """
    return _to_tensor(image.resize((pre.size, pre.size), _FILTERS[pre.interpolation], box=_middle(image, pre)))


def augment(image: Image.Image, pre: Preprocessing, rng: random.Random) -> Tensor:
    """A random crop, perhaps mirrored, slightly recoloured. All chance comes from `rng`.

    Returns:
        uint8, [3, size, size].
    """
    box = _random_box(image.width, image.height, rng)
    cropped = image.resize((pre.size, pre.size), _FILTERS[pre.interpolation], box=box)
    if rng.random() < 0.5:
        cropped = cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        cropped = enhancer(cropped).enhance(rng.uniform(1 - _JITTER, 1 + _JITTER))
    return _to_tensor(cropped)


def normalise(batch: Tensor, pre: Preprocessing) -> Tensor:
    """From uint8 [B, 3, H, W] to the float range the backbone was trained on, on the batch's own device."""
    mean = torch.tensor(pre.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(pre.std, device=batch.device).view(1, 3, 1, 1)
    return batch.float().sub_(mean * 255).div_(std * 255)


def _middle(image: Image.Image, pre: Preprocessing) -> tuple[float, float, float, float]:
    """The square in the image's own pixels; sizes are rounded as torchvision rounds them."""
    short = min(image.size)
    width, height = (pre.resize * side // short for side in image.size)
    left, top = round((width - pre.size) / 2.0), round((height - pre.size) / 2.0)
    x, y = image.width / width, image.height / height
    right, bottom = min((left + pre.size) * x, image.width), min((top + pre.size) * y, image.height)
    return left * x, top * y, right, bottom


def _random_box(width: int, height: int, rng: random.Random) -> tuple[float, float, float, float]:
    for _ in range(10):
        area = width * height * rng.uniform(*_CROP_SCALE)
        ratio = math.exp(rng.uniform(math.log(_CROP_RATIO[0]), math.log(_CROP_RATIO[1])))
        w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if w <= width and h <= height:
            left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
            return left, top, min(left + w, width), min(top + h, height)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
