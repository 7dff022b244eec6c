"""Where tensors are computed, and in what precision."""

import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_ONE_THREAD = 3e7
"""Multiply-adds of a forward pass up to which one thread does it sooner than several that wait for each other."""


@dataclass(frozen=True, slots=True)
class Device:
    torch_device: torch.device
    title: str
    """For people: "NVIDIA H200, mixed precision"."""
    autocast_dtype: torch.dtype | None = None

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision where it pays for itself, else nothing."""
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.torch_device.type, dtype=self.autocast_dtype)

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """Within the block CUDA tries, for each new shape, which convolution is fastest: for many batches alike."""
        cudnn = torch.backends.cudnn
        before, cudnn.benchmark = (
            cudnn.benchmark,
            cudnn.benchmark or self.torch_device.type == "cuda",
        )
        try:
            yield
        finally:
            cudnn.benchmark = before

    def place(self, model: nn.Module) -> None:
        """Move a model here, in the memory layout that convolutions are fastest in."""
        model.to(self.torch_device)
        model.to(memory_format=torch.channels_last)

    @property
    def needs_loss_scaling(self) -> bool:
        """float16 gradients underflow without it; bfloat16's do not."""
        return self.autocast_dtype is torch.float16


def pick_device() -> Device:
    """CUDA when there is one, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        # What is to be fast takes mixed precision. The rest is float32 in convolutions, too: tested and told alike.
        torch.backends.cudnn.allow_tf32 = False
        dtype = (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float16
        )
        return Device(
            torch.device("cuda"), f"{torch.cuda.get_device_name()}, mixed precision", dtype
        )
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), "Apple GPU (MPS)")
    threads = torch.get_num_threads()
    return Device(
        torch.device("cpu"), f"CPU ({platform.machine()}, {threads} thread{'s' * (threads != 1)})"
    )


@contextmanager
def threads_as_needed() -> Iterator[Callable[[nn.Module, Tensor], None]]:
    """Within the block, what it gives can be told a network and its inputs: for little work one thread is left.

    Small work that is shared out takes a multiple of its time as soon as anything else runs on the machine. How many
    threads there are decides in which order sums are added up, so it depends on the work alone.
    """
    threads = torch.get_num_threads()

    def choose(network: nn.Module, inputs: Tensor) -> None:
        if inputs.device.type == "cpu" and inputs.ndim == 2:  # each weight is used once an image
            work = len(inputs) * sum(p.numel() for p in network.parameters())
            torch.set_num_threads(1 if work < _ONE_THREAD else threads)

    try:
        yield choose
    finally:
        torch.set_num_threads(threads)
