"""When memory runs short: the same work on fewer images at a time."""

import gc
from collections.abc import Callable

import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from torch import Tensor

from tl_core.errors import OutOfMemory

_IN_WORDS = (
    "not enough memory",
    "can't allocate memory",
    "out of memory",
    "failed to allocate memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """On a GPU torch has a class for it; on a CPU its allocator raises a plain RuntimeError, ONNX Runtime its own."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError | RuntimeException)
        and any(words in str(error).lower() for words in _IN_WORDS)
    )


class Pieces:
    """How many images go through a network at once: a whole batch, until memory runs short."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        """At most; None while nothing ran short. It halves, and never grows again."""

    def run(self, n: int, work: Callable[[slice], None]) -> None:
        """Do `work` on all of a batch of `n`, in pieces where the whole does not fit; what failed is done again.

        `work` must leave nothing behind when it fails.

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
                    "Memory ran out even with one image at a time: choose a smaller backbone or image size, or freeze "
                    "more stages."
                )

    def forward(self, model: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """`model(inputs)`."""
        outputs: list[Tensor] = []
        self.run(len(inputs), lambda piece: outputs.append(model(inputs[piece])))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _fits(work: Callable[[slice], None], piece: slice) -> bool:
    try:
        work(piece)
        return True
    except (RuntimeError, MemoryError, RuntimeException) as error:
        if not is_out_of_memory(error):
            raise
    # Only here, where the error is gone, are the tensors of its traceback free.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False
