"""Compute device and precision."""

import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MAX_WORK_OF_ONE_THREAD = 3e7
"""Multiply-adds per forward pass below which one thread is faster than several."""


@dataclass(frozen=True, slots=True)
class Device:
    torch_device: torch.device
    title: str
    """Display name, such as "NVIDIA H200, mixed precision"."""
    autocast_dtype: torch.dtype | None = None
    """Half-precision type for mixed precision; None computes in float32."""

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context of mixed precision where the device gains from it, else an empty one."""
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.torch_device.type, dtype=self.autocast_dtype)

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """Let cuDNN measure, for each new input shape, which convolution algorithm is fastest.

        The measurement pays off over many mini-batches of the same shape.
        """
        cudnn = torch.backends.cudnn
        before = cudnn.benchmark
        cudnn.benchmark = before or self.torch_device.type == "cuda"
        try:
            yield
        finally:
            cudnn.benchmark = before

    def place(self, model: nn.Module) -> None:
        """Move `model` to the device, in the memory layout in which convolutions are fastest."""
        model.to(self.torch_device)
        model.to(memory_format=torch.channels_last)

    @property
    def needs_loss_scaling(self) -> bool:
        """True for float16, whose gradients underflow without loss scaling; bfloat16's do not."""
        return self.autocast_dtype is torch.float16


def pick_device() -> Device:
    """Return CUDA if available, otherwise Apple's MPS, otherwise the CPU."""
    if torch.cuda.is_available():
        # Speed comes from mixed precision. Without it everything is plain float32, convolutions
        # too, so that the test and all later predictions agree.
        torch.backends.cudnn.allow_tf32 = False
        # Emulated bfloat16, as on GPUs before Ampere, would gain no speed.
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = torch.bfloat16 if has_bfloat16 else torch.float16
        title = f"{torch.cuda.get_device_name()}, mixed precision"
        return Device(torch.device("cuda"), title, dtype)
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), "Apple GPU (MPS)")
    threads = torch.get_num_threads()
    title = f"CPU ({platform.machine()}, {threads} thread{'s' * (threads != 1)})"
    return Device(torch.device("cpu"), title)


def is_gpu_error(error: BaseException) -> bool:
    """Return whether the GPU or its driver has failed, after which its context is of no use."""
    return isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error)


def is_gpu_usable() -> bool:
    """Return False if this process has used the GPU and can no more.

    CUDA reports an error of a kernel again at every later call, until the process ends.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return True
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


@contextmanager
def threads_as_needed() -> Iterator[Callable[[nn.Module, Tensor], None]]:
    """Yield a function that sets torch's number of threads for a network and its inputs.

    A small workload on several threads takes several times as long once anything else runs on the
    machine. The number of threads decides the order of summation, and so the rounding; it therefore
    depends only on the amount of work.
    """
    threads = torch.get_num_threads()

    def choose(network: nn.Module, inputs: Tensor) -> None:
        # Feature vectors: the network is a head, which uses each weight once per image.
        if inputs.device.type == "cpu" and inputs.ndim == 2:
            work = len(inputs) * sum(p.numel() for p in network.parameters())
            torch.set_num_threads(1 if work < _MAX_WORK_OF_ONE_THREAD else threads)

    try:
        yield choose
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread, for small work beside threads that are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
