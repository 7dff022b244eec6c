"""Frozen prefix in ONNX Runtime: on a CPU 1.3 to 4 times as fast as PyTorch, by family."""

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from tl_core.cancellation import Stop
from tl_core.errors import Cancelled
from tl_core.features.microbatches import Pieces
from tl_core.features.onnx_export import OnnxUnfit, open_onnx, to_onnx
from tl_core.text import without_folders

_CHECKED = 8
"""Images of the first batch on which both engines are compared."""
_TOLERANCE = 1e-3
"""Largest difference, relative to the largest activation. Rounding is a thousandth of this."""


class OnnxPrefix:
    """ONNX Runtime as the engine, after its outputs were compared with PyTorch's.

    Args:
        network: maps images to a tuple of tensors; in eval mode.
        sample: images to compare on, float [B, 3, H, W].
        at_once: number of images between two checks of `stop`.

    Raises:
        OnnxUnfit: the network cannot be exported or run, or the outputs differ.
        Cancelled: the work was asked to stop.
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
            # Two images: from one alone the exporter may take the batch dimension for a constant.
            self._session = open_onnx(to_onnx(network, sample[:2], names, stop))
            # Two batch sizes show whether the export has fixed the sample's.
            parts = [sample[: len(sample) // 2], sample[len(sample) // 2 :]]
            found = [self(part) for part in parts if len(part)]
        except Cancelled:
            raise
        except Exception as error:
            # Exporter and runtime raise errors of any kind; their first line says enough.
            reason = without_folders(str(error).partition("\n")[0])
            raise OnnxUnfit(f"{type(error).__name__}: {reason}") from error
        for theirs, ours in zip(zip(*found, strict=True), wanted, strict=True):
            _compare(torch.cat(theirs), ours)

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute one tensor per output, float [B, …].

        Raises:
            Cancelled: the work was asked to stop.
            OutOfMemory: not even one image fits.
        """
        pixels = np.ascontiguousarray(images.numpy())
        outputs: list[tuple[np.ndarray, ...]] = []

        def run(piece: slice) -> None:
            self._stop.check()
            outputs.append(tuple(self._session.run(None, {"images": pixels[piece]})))

        self._pieces.run(len(pixels), run)
        return tuple(
            torch.from_numpy(np.concatenate(pieces)) for pieces in zip(*outputs, strict=True)
        )


def _compare(theirs: Tensor, ours: Tensor) -> None:
    if theirs.shape != ours.shape:
        raise OnnxUnfit(f"it gives {tuple(theirs.shape)} where PyTorch gives {tuple(ours.shape)}")
    difference = float((theirs - ours).abs().max())
    # Relative to the largest: small values may be differences of large ones, with their rounding.
    largest = float(ours.abs().max())
    # Written so that NaN fails, too.
    if not difference <= _TOLERANCE * largest:
        raise OnnxUnfit(f"its output differs by {difference:.2g}, of at most {largest:.2g}")
