"""Micro-batches: when memory runs short, a batch is processed in smaller pieces."""

import gc
from collections.abc import Callable

import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from torch import Tensor

from tl_core.errors import OutOfMemory

_MESSAGES = (
    "not enough memory",
    "can't allocate memory",
    "out of memory",
    "failed to allocate memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if `error` says that memory ran out, on a GPU, on a CPU or in ONNX Runtime."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # PyTorch's CPU allocator raises a plain RuntimeError, ONNX Runtime a class of its own.
    if not isinstance(error, RuntimeError | RuntimeException):
        return False
    message = str(error).lower()
    return any(words in message for words in _MESSAGES)


class Pieces:
    """Splitter of batches into micro-batches, once memory has run short."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        """Largest micro-batch; None until memory runs short. It is halved and never grows again."""

    def run(self, n: int, work: Callable[[slice], None]) -> None:
        """Call `work` with slices that cover a batch of `n`; a slice that did not fit is halved.

        `work` must have no effect when it fails, since its slice is then processed again.

        Raises:
            OutOfMemory: not even one image fits.
        """
        start = 0
        while start < n:
            stop = min(n, start + (self.size or n))
            if _fits(work, slice(start, stop)):
                start = stop
            elif stop - start > 1:
                self.size = (stop - start) // 2
            else:
                raise OutOfMemory(
                    "Memory ran out even with one image at a time: choose a smaller backbone or "
                    "image size, or freeze more stages."
                )

    def forward(self, model: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """Compute `model(inputs)`, in micro-batches where needed."""
        outputs: list[Tensor] = []
        self.run(len(inputs), lambda piece: outputs.append(model(inputs[piece])))
        # In the usual case of one piece `torch.cat` would only copy.
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _fits(work: Callable[[slice], None], piece: slice) -> bool:
    try:
        work(piece)
        return True
    except (RuntimeError, MemoryError, RuntimeException) as error:
        if not is_out_of_memory(error):
            raise
    # The error's traceback holds tensors until the except block has ended.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False
