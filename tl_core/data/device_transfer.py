"""Asynchronous copies to a GPU and back."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """Copy to `device`; a copy to a CUDA GPU is queued there and does not block the caller."""
    if device.type != "cuda":
        return values.to(device)
    # PyTorch reuses pinned memory only after the GPU has read it.
    return values.pin_memory().to(device, non_blocking=True)


class Arriving:
    """Outputs being copied from a device to main memory; iterating waits for their arrival."""

    def __init__(self, parts: Sequence[Sequence[Tensor]]) -> None:
        """Start copying. Each part holds some of the images: a tensor [B, …] for each output.

        All tensors are on the same device.
        """
        on_cuda = parts[0][0].is_cuda
        # Only CUDA can tell when an asynchronous copy has finished.
        self._parts = [
            [tensor.to("cpu", non_blocking=on_cuda) for tensor in part] for part in parts
        ]
        # The mark is queued behind the copies, so that passing it means that they are done.
        self._wait = _mark() if on_cuda else lambda: None

    def __iter__(self) -> Iterator[Tensor]:
        self._wait()
        return (torch.cat(tensors) for tensors in zip(*self._parts, strict=True))


def _mark() -> Callable[[], None]:
    """Return a function that waits until the GPU has finished everything queued so far."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return event.synchronize
