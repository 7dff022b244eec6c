"""What a written-out network needs beside torch.nn; the head of backbone.py."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Part(nn.Module):
    """A module made from its submodules, weights and buffers, by name."""

    def __init__(self, **parts: nn.Module | Tensor) -> None:
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, nn.Module | nn.Parameter):
                setattr(self, name, part)
            else:
                self.register_buffer(name, part)


def weight(*shape: int) -> nn.Parameter:
    """To be filled from a file."""
    return nn.Parameter(torch.empty(shape))


class BatchNormAct2d(nn.BatchNorm2d):
    """Normalises, then applies an activation."""

    def __init__(self, *args: Any, drop: nn.Module, act: nn.Module, **options: Any) -> None:
        super().__init__(*args, **options)
        self.drop, self.act = drop, act

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.drop(super().forward(x)))
        return y


class Conv2dSame(nn.Conv2d):
    """Pads as TensorFlow does: ceil(side / stride) values come out, and an odd row goes below and to the right."""

    def forward(self, x: Tensor) -> Tensor:
        sides: list[int] = []
        each = zip(x.shape[2:], self.kernel_size, self.stride, self.dilation, strict=True)
        for side, kernel, stride, dilation in each:
            more = max((-(-side // stride) - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
            sides = [more // 2, more - more // 2, *sides]
        return F.conv2d(
            F.pad(x, sides), self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


class DropPath(nn.Module):
    """In training, leaves out what was computed of some images."""

    def __init__(self, drop_prob: float, scale_by_keep: bool) -> None:
        super().__init__()
        self.drop_prob, self.scale_by_keep = drop_prob, scale_by_keep

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_prob == 0:
            return x
        keep = 1 - self.drop_prob
        kept = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * (kept / keep if keep > 0 and self.scale_by_keep else kept)


class LayerNorm2d(nn.LayerNorm):
    """Normalises over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
