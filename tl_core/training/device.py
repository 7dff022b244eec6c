"""Where tensors are computed, and in what precision."""

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn


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
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return Device(torch.device("cuda"), f"{torch.cuda.get_device_name()}, mixed precision", dtype)
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), "Apple GPU (MPS)")
    threads = torch.get_num_threads()
    return Device(torch.device("cpu"), f"CPU ({platform.machine()}, {threads} thread{'s' * (threads != 1)})")
