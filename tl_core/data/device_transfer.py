"""To a GPU and back, while it goes on with what it was given."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """The same on `device`; a CUDA GPU fetches it by itself, in its turn, and nobody waits."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(
        device, non_blocking=True
    )  # the memory is used again only after it was read


class Arriving:
    """Batches on their way to main memory as one; to look at them is to wait until they are there."""

    def __init__(self, parts: Sequence[Sequence[Tensor]]) -> None:
        """Each part is a share of the images: of each output, one tensor [B, …], all on one device."""
        on_cuda = parts[0][0].is_cuda
        # CUDA copies to pinned memory of its own accord then; elsewhere nothing would say when it is done.
        self._parts = [
            [tensor.to("cpu", non_blocking=on_cuda) for tensor in part] for part in parts
        ]
        self._wait = _mark() if on_cuda else lambda: None

    def __iter__(self) -> Iterator[Tensor]:
        self._wait()
        return (torch.cat(tensors) for tensors in zip(*self._parts, strict=True))


def _mark() -> Callable[[], None]:
    """Waits until the GPU has done all that it was given before."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return event.synchronize
