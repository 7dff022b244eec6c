"""From an upright RGB image to what a backbone expects, by the backbone's own figures."""

from functools import lru_cache

import torch
from torch import Tensor

from tl_core.data.resizing import Box, Picture, resize, resize_middle
from tl_core.records import Preprocessing


def prepare(image: Picture, pre: Preprocessing, box: Box | None = None) -> Tensor:
    """Cut out `box` and resize it; without one, the middle, as torchvision and timm do when they evaluate.

    Returns:
        uint8, [3, size, size], laid out as Pillow has it: channels last.
    """
    if box is None:
        resized = resize_middle(image, pre.resize, pre.size, pre.interpolation)
    else:
        resized = resize(image, (pre.size, pre.size), pre.interpolation, box)
    return torch.from_numpy(resized).permute(2, 0, 1)


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
