"""Preprocessing: from an upright RGB image to the input that a backbone was trained on."""

from functools import lru_cache

import torch
from torch import Tensor

from tl_core.data.resizing import Box, Picture, resize, resize_middle
from tl_core.records import Preprocessing


def prepare(image: Picture, pre: Preprocessing, box: Box | None = None) -> Tensor:
    """Crop to `box` and resize; without a box, to the centre as torchvision and timm evaluate.

    Returns:
        uint8 [3, size, size], channels last in memory as in Pillow.
    """
    if box is None:
        resized = resize_middle(image, pre.resize, pre.size, pre.interpolation)
    else:
        resized = resize(image, (pre.size, pre.size), pre.interpolation, box)
    return torch.from_numpy(resized).permute(2, 0, 1)


def normalise(batch: Tensor, pre: Preprocessing) -> Tensor:
    """Convert uint8 [B, 3, H, W] to float and normalise it for the backbone, on the batch's device.

    The memory layout stays, channels first or last; changing it is cheapest before, in bytes.
    """
    mean, std = _mean_and_std(pre, batch.device)
    if batch.is_contiguous() or not batch.is_contiguous(memory_format=torch.channels_last):
        return batch.float().sub_(mean.view(3, 1, 1)).div_(std.view(3, 1, 1))
    # Row by row of pixels: broadcasting over channels would take six times as long.
    n, _, height, width = batch.shape
    rows = batch.permute(0, 2, 3, 1).reshape(n, height, 3 * width).float()
    rows.sub_(mean.repeat(width)).div_(std.repeat(width))
    return rows.view(n, height, width, 3).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
# Tensors made in inference mode could not be used outside it later.
@torch.inference_mode(False)
def _mean_and_std(pre: Preprocessing, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of bytes, cached: copying them would stall a GPU."""
    return torch.tensor(pre.mean, device=device) * 255, torch.tensor(pre.std, device=device) * 255
