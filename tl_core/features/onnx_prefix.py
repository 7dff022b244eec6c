"""The frozen stages in ONNX Runtime, which on a CPU is 1.3 to 4 times as fast as PyTorch, by family."""

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from tl_core.errors import Cancelled
from tl_core.features.microbatches import Pieces
from tl_core.features.onnx_export import OnnxUnfit, open_onnx, to_onnx
from tl_core.stopping import Stop

_CHECKED = 8
"""Images of the first batch on which both must agree."""
_TOLERANCE = 1e-3
"""Of the largest activation: rounding is a thousandth of that; a step that was translated wrongly is far more."""


class OnnxPrefix:
    """A network that was exported, and whose answers were compared with PyTorch's.

    Args:
        network: maps images to a tuple of tensors; in eval mode.
        sample: images, float [B, 3, H, W], to compare on.
        at_once: images between two questions whether to stop.

    Raises:
        OnnxUnfit: it cannot be exported or run, or answers otherwise.
        Cancelled: it was asked to stop.
    """

    title = f"ONNX Runtime {onnxruntime.__version__}"

    def __init__(self, network: nn.Module, sample: Tensor, at_once: int, stop: Stop) -> None:
        self._stop = stop
        self._pieces = Pieces(at_once)
        sample = sample[:_CHECKED]
        try:
            stop.check()
            with torch.inference_mode():
                wanted = network(sample)
            names = [f"cut{i}" for i in range(len(wanted))]
            self._session = open_onnx(to_onnx(network, sample[:2], names, stop))
            # Of two sizes, in case the export has taken the sample's for good.
            parts = [sample[: len(sample) // 2], sample[len(sample) // 2 :]]
            found = [self(part) for part in parts if len(part)]
        except Cancelled:
            raise
        except Exception as error:  # the exporter and the runtime raise whatever they like
            raise OnnxUnfit(
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            ) from error
        for theirs, ours in zip(zip(*found, strict=True), wanted, strict=True):
            _compare(torch.cat(theirs), ours)

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """One tensor an output, float [B, …].

        Raises:
            Cancelled: it was asked to stop.
            OutOfMemory: not even one image fits.
        """
        pixels, found = np.ascontiguousarray(images.numpy()), list[tuple[np.ndarray, ...]]()

        def run(piece: slice) -> None:
            self._stop.check()
            found.append(tuple(self._session.run(None, {"images": pixels[piece]})))

        self._pieces.run(len(pixels), run)
        return tuple(
            torch.from_numpy(np.concatenate(outputs)) for outputs in zip(*found, strict=True)
        )


def _compare(theirs: Tensor, ours: Tensor) -> None:
    if theirs.shape != ours.shape:
        raise OnnxUnfit(f"it gives {tuple(theirs.shape)} where PyTorch gives {tuple(ours.shape)}")
    difference, largest = float((theirs - ours).abs().max()), float(ours.abs().max())
    if not difference <= _TOLERANCE * largest:  # nor is NaN
        raise OnnxUnfit(f"its output differs by {difference:.2g}, of at most {largest:.2g}")
