"""Cost of a training step on this machine, tried out on one mini-batch of a network."""

import time
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from tl_core.backbones import build_library_model, build_model, get_backbone, preprocessing_for
from tl_core.config import ModelConfig
from tl_core.training.device import Device

_SECONDS = 1.0
"""Processor seconds that one step should take at most, where two images take no more."""
_STEPS = 2
"""Steps that are tried; the first one includes set-up."""


def measure_step(
    config: ModelConfig, frozen: int, *, on_rows: bool, batch: int, expected: float, device: Device
) -> float:
    """Return the cost of one image's forward and backward pass.

    It is given in processor seconds, on a GPU in seconds on the clock. The network's weights are
    all zero, which takes as long as any others, and no random number is drawn.

    Args:
        frozen: stages in front that are not trained.
        on_rows: whether training begins at the activations of the frozen stages.
        batch: images in a step.
        expected: guessed cost of an image, which decides how many are tried.
    """
    backbone = get_backbone(config.backbone)
    side = preprocessing_for(backbone, config.image_size).size
    with torch.device("meta"):
        model = build_model(backbone, config, 2, build_library_model(backbone, config.image_size))
    model.to_empty(device="cpu")
    # Memory that was not filled may hold denormal numbers, which are slow on a CPU.
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.detach().zero_()
    device.place(model)
    model.train()
    prefix = model.stages[:frozen].eval()
    rest = nn.Sequential(*model.stages[frozen:], model.pool, model.head)
    # BatchNorm learns from two images or more.
    n = max(2, min(batch, int(_SECONDS / expected)))
    images = torch.zeros(n, 3, side, side, device=device.torch_device)
    images = images.contiguous(memory_format=torch.channels_last)

    def enter() -> Tensor:
        with torch.no_grad(), device.autocast():
            return cast(Tensor, prefix(images))

    rows = enter() if on_rows else None

    def step() -> None:
        inputs = enter() if rows is None else rows
        with device.autocast():
            outputs = rest(inputs)
        outputs.float().sum().backward()

    return min(_time(step, device) for _ in range(_STEPS)) / n


def _time(step: Callable[[], None], device: Device) -> float:
    on_cpu = device.torch_device.type == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    started = clock()
    step()
    # Kernels run asynchronously on a GPU.
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - started
