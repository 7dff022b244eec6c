"""Frozen prefix of a network as a function of images, in the fastest engine of the machine."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn

from tl_core.backbones import TransferModel
from tl_core.cancellation import NEVER, Stop
from tl_core.data.device_transfer import Arriving
from tl_core.features.microbatches import Pieces
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.features.onnx_prefix import OnnxPrefix

Autocast = Callable[[], AbstractContextManager[object]]
"""Factory of a context in which a device computes in mixed precision where that is faster."""

_log = logging.getLogger(__name__)
_WORTH_EXPORTING = 4e10
"""Multiply-adds that make up for the second or more that exporting to ONNX takes."""
_AT_ONCE = 1e10
"""Multiply-adds between two checks for Stop: less than half a second on two cores."""


class Cuts(nn.Module):
    """Network that returns the activations behind several stages in one pass.

    Maps normalised images, float [B, 3, H, W], to one tensor [B, …] per cut. Behind the last stage
    activations are pooled.
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
                # The next stage may begin with an operation in place.
                is_last = number == self.cuts[-1]
                outputs.append(images if is_last else images.clone())
        if self.pool is not None:
            outputs[-1] = self.pool(outputs[-1])
        return tuple(outputs)


class Prefix(Protocol):
    """Engine that computes the `Cuts` of a network."""

    title: str
    """Name of the engine, for people."""

    def __call__(self, images: Tensor) -> Iterable[Tensor]:
        """Return one tensor per cut, float [B, …], in main memory or in transfer to it."""


class TorchPrefix:
    """PyTorch as the engine: without gradients, in mixed precision where the device has it."""

    title = "PyTorch"

    def __init__(
        self,
        cuts: Cuts,
        autocast: Autocast = nullcontext,
        at_once: int | None = None,
        stop: Stop = NEVER,
    ) -> None:
        """Set up the engine, which checks `stop` after every `at_once` images."""
        self._cuts = cuts
        self._autocast = autocast
        self._stop = stop
        self._pieces = Pieces(at_once)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Arriving:
        """Compute the activations.

        Raises:
            Cancelled: the work was asked to stop.
            OutOfMemory: not even one image fits.
        """
        outputs: list[tuple[Tensor, ...]] = []

        def compute(piece: slice) -> None:
            self._stop.check()
            # On a CPU images come in ONNX Runtime's layout, in which PyTorch is slower.
            inputs = images[piece].contiguous(memory_format=torch.channels_last)
            with self._autocast():
                activations = self._cuts(inputs)
            # Autocast may give bfloat16, which numpy and so the cache do not know.
            outputs.append(tuple(part.float() for part in activations))

        self._pieces.run(len(images), compute)
        return Arriving(outputs)


def is_worth_exporting(work: float, n_images: int) -> bool:
    """Return True if `n_images` of `work` multiply-adds each make up for exporting the network."""
    return work * n_images >= _WORTH_EXPORTING


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
    """Choose the engine: ONNX Runtime on a CPU with enough work, if it agrees with PyTorch.

    Args:
        sample: images on the device, float [B, 3, H, W], on which the two are compared.
        work: multiply-adds per image.
        n_images: number of images that will be passed in total.

    Raises:
        Cancelled: the work was asked to stop.
    """
    if sample.device.type != "cpu":
        # A batch on a GPU is too short to be worth a check for Stop within it.
        return TorchPrefix(cuts, autocast, None, stop)
    at_once = max(1, int(_AT_ONCE / work))
    if is_worth_exporting(work, n_images) and not only_torch:
        try:
            return OnnxPrefix(cuts, sample, at_once, stop)
        except OnnxUnfit as error:
            _log.info("PyTorch runs the frozen stages: %s", error)
    return TorchPrefix(cuts, autocast, at_once, stop)
