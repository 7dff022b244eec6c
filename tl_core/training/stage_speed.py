"""Speed of a network's stages on this machine, from a short measurement."""

import time
from functools import cache
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tl_core.backbones import (
    anatomy,
    build_library_model,
    build_model,
    get_backbone,
    preprocessing_for,
)
from tl_core.config import ModelConfig
from tl_core.training.device import Device, pick_device
from tl_core.training.speed_records import recall, remember

_BATCH = 4
_BATCH_ON_GPU = 32
_PASSES = 4
_MAX_MEASURED = 1e11
"""Multiply-adds that a measurement on a CPU may take: one or two seconds on two cores."""


def stage_seconds(
    backbone_name: str,
    image_size: int | None = None,
    home: Path | None = None,
) -> tuple[float, ...]:
    """Return the seconds per image of each stage's forward pass while nothing else runs.

    The measurement takes up to a second or two and is stored in `home`.
    """
    size = preprocessing_for(get_backbone(backbone_name), image_size).size
    if home and (known := recall(home, backbone_name, size)):
        return known
    seconds = measure_stages(backbone_name, image_size)
    if home:
        remember(home, backbone_name, size, seconds)
    return seconds


@cache
def measure_stages(backbone_name: str, image_size: int | None = None) -> tuple[float, ...]:
    """Measure the seconds per image of each stage's forward pass, once per process.

    For a network too large to measure on a CPU, they are derived from its multiply-adds.
    """
    backbone = get_backbone(backbone_name)
    device = pick_device()
    side = preprocessing_for(backbone, image_size).size
    work = anatomy(backbone, image_size).multiply_adds
    config = ModelConfig(backbone=backbone_name, image_size=image_size)
    # On the meta device no random weights are drawn, which would disturb a run in this process.
    with torch.device("meta"):
        model = build_model(backbone, config, 2, build_library_model(backbone, image_size)).eval()
        images = torch.empty(1, 3, side, side)
    on_cpu = device.torch_device.type == "cpu"
    most = _BATCH if on_cpu else _BATCH_ON_GPU
    affordable = int(_MAX_MEASURED / work) if on_cpu else most * _PASSES
    if affordable < 2:
        pace = _seconds_per_multiply_add(device)
        return tuple(count * pace for count in _count_multiply_adds(model.stages, images))
    # Half of what is affordable, so that a second pass can be timed without the set-up.
    batch = min(most, affordable // 2)
    passes = min(_PASSES, affordable // batch)
    images = torch.zeros(batch, 3, side, side, device=device.torch_device)
    images = images.contiguous(memory_format=torch.channels_last)
    return _time_stages(model.stages, images, device, passes)


def _time_stages(
    stages: nn.Sequential, images: Tensor, device: Device, passes: int
) -> tuple[float, ...]:
    seconds = []
    with torch.inference_mode(), device.autocast():
        for stage in stages:
            stage.to_empty(device="cpu")
            # Memory that was not filled may hold denormal numbers, which are slow on a CPU.
            for tensor in chain(stage.parameters(), stage.buffers()):
                tensor.zero_()
            device.place(stage)
            timed = [_time(stage, images, device) for _ in range(passes)]
            # The minimum: the first pass includes set-up, and others may be disturbed.
            seconds.append(min(timed) / len(images))
            images = stage(images)
            # Frees the weights, so that only one stage's are in memory at a time.
            stage.to("meta")
    return tuple(seconds)


def _time(stage: nn.Module, images: Tensor, device: Device) -> float:
    """Return the seconds of a forward pass."""
    if device.torch_device.type == "cpu":
        # Processor time, since other programs make a pass longer on the clock.
        used = time.process_time()
        stage(images)
        return (time.process_time() - used) / torch.get_num_threads()
    started = time.perf_counter()
    stage(images)
    # Kernels run asynchronously on a GPU.
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _count_multiply_adds(stages: nn.Sequential, images: Tensor) -> list[float]:
    counts = []
    for stage in stages:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            images = stage(images)
        # The counter takes a multiply-add for two operations.
        counts.append(counter.get_total_flops() / 2)
    return counts


@cache
def _seconds_per_multiply_add(device: Device) -> float:
    """Measure a convolution typical of the middle of a network: 256 channels on 28 × 28 pixels."""
    layer = nn.Conv2d(256, 256, 3, padding=1, device="meta")
    layer = layer.to_empty(device="cpu").requires_grad_(False)
    for tensor in layer.parameters():
        tensor.zero_()
    device.place(layer)
    images = torch.zeros(2, 256, 28, 28, device=device.torch_device)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = min(_time(layer, images, device) for _ in range(_PASSES))
    return seconds / (2 * 28 * 28 * layer.weight.numel())
