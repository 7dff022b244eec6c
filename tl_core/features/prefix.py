"""The frozen stages of a network as a function of images, run by whatever is fastest here."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn

from tl_core.backbones import TransferModel
from tl_core.data.device_transfer import Arriving
from tl_core.features.microbatches import Pieces
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.stopping import NEVER, Stop

Autocast = Callable[[], AbstractContextManager[object]]
"""Makes a context in which a device computes in mixed precision where that pays."""

_log = logging.getLogger(__name__)
_WORTH_EXPORTING = 4e10
"""Multiply-adds from which on it pays to hand the work to ONNX Runtime, which takes a second or more to set up."""
_AT_ONCE = 2e10
"""Multiply-adds between two chances to stop: less than a second on two cores."""


class Cuts(nn.Module):
    """What a network gives behind several numbers of its stages, in one pass; behind all of them it is pooled.

    Maps images, float [B, 3, H, W], normalised as the backbone wants, to one tensor [B, …] a cut.
    """

    def __init__(self, model: TransferModel, cuts: Sequence[int]) -> None:
        super().__init__()
        self.cuts = tuple(sorted(set(cuts)))
        self.stages = model.stages[: self.cuts[-1]]
        self.pool = model.pool if self.cuts[-1] == len(model.stages) else None
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = []
        for number, stage in enumerate(self.stages, 1):
            images = stage(images)
            if number in self.cuts:
                # Copied, since the next stage may begin with an operation in place.
                outputs.append(images.clone() if number < self.cuts[-1] else images)
        if self.pool is not None:
            outputs[-1] = self.pool(outputs[-1])
        return tuple(outputs)


class Prefix(Protocol):
    """Runs a network's `Cuts`."""

    title: str
    """What runs it, for people."""

    def __call__(self, images: Tensor) -> Iterable[Tensor]:
        """One tensor a cut, float [B, …] in main memory, or on the way there: then to look is to wait."""


class TorchPrefix:
    """The network itself, without gradients, in mixed precision where the device has it."""

    title = "PyTorch"

    def __init__(
        self,
        cuts: Cuts,
        autocast: Autocast = nullcontext,
        at_once: int | None = None,
        stop: Stop = NEVER,
    ) -> None:
        """`at_once` images are passed between two questions whether to stop."""
        self._cuts = cuts
        self._autocast = autocast
        self._stop = stop
        self._pieces = Pieces(at_once)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Arriving:
        """Raises `Cancelled` and `OutOfMemory`."""
        found: list[tuple[Tensor, ...]] = []

        def pass_on(piece: slice) -> None:
            self._stop.check()
            with self._autocast():
                outputs = self._cuts(images[piece].contiguous(memory_format=torch.channels_last))
            found.append(tuple(output.float() for output in outputs))

        self._pieces.run(len(images), pass_on)
        return Arriving(found)


def make_prefix(
    cuts: Cuts,
    sample: Tensor,
    work: float,
    n_images: int,
    *,
    autocast: Autocast = nullcontext,
    stop: Stop = NEVER,
    only_torch: bool = False,
) -> Prefix:
    """Choose what runs the prefix: ONNX Runtime on a CPU where there is enough to do and both agree; else PyTorch.

    Args:
        sample: some images, float [B, 3, H, W] on the device, on which the two must agree.
        work: multiply-adds of one image.
        n_images: that will be passed in all.

    Raises:
        Cancelled: it was asked to stop meanwhile.
    """
    if sample.device.type != "cpu":
        return TorchPrefix(cuts, autocast, None, stop)
    at_once = max(1, int(_AT_ONCE / work))
    if work * n_images >= _WORTH_EXPORTING and not only_torch:
        try:
            return OnnxPrefix(cuts, sample, at_once, stop)
        except OnnxUnfit as error:
            _log.info("PyTorch runs the frozen stages: %s", error)
    return TorchPrefix(cuts, autocast, at_once, stop)
