"""Speed of a network's stages on this machine, from a short measurement."""

import time
from functools import cache
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
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
_PASSES = 6
_TRAINING_COST = 3
"""Cost of a forward and a backward pass in forward passes, roughly."""
_MAX_MEASURED = 1e11
"""Multiply-adds that a measurement on a CPU may take: one or two seconds on two cores."""


def stage_seconds(
    backbone_name: str,
    image_size: int | None = None,
    home: Path | None = None,
    *,
    training: bool = False,
) -> tuple[float, ...]:
    """Return the seconds per image of each stage's pass while nothing else runs.

    The measurement takes up to a second or two and is stored in `home`.

    Args:
        training: measure the backward pass, too; empty for a network too large for that.
    """
    size = preprocessing_for(get_backbone(backbone_name), image_size).size
    if home and (known := recall(home, backbone_name, size, training=training)):
        return known
    seconds = measure_stages(backbone_name, image_size, training=training)
    if home and seconds:
        remember(home, backbone_name, size, seconds, training=training)
    return seconds


@cache
def measure_stages(
    backbone_name: str, image_size: int | None = None, *, training: bool = False
) -> tuple[float, ...]:
    """Measure the seconds per image of each stage's pass, once per process; see `stage_seconds`.

    For a network too large to measure on a CPU, forward passes are derived from multiply-adds.
    """
    backbone = get_backbone(backbone_name)
    device = pick_device()
    side = preprocessing_for(backbone, image_size).size
    work = anatomy(backbone, image_size).multiply_adds * (_TRAINING_COST if training else 1)
    config = ModelConfig(backbone=backbone_name, image_size=image_size)
    # On the meta device no random weights are drawn, which would disturb a run in this process.
    with torch.device("meta"):
        model = build_model(backbone, config, 2, build_library_model(backbone, image_size))
        images = torch.empty(1, 3, side, side)
    on_cpu = device.torch_device.type == "cpu"
    most = _BATCH if on_cpu else _BATCH_ON_GPU
    affordable = int(_MAX_MEASURED / work) if on_cpu else most * _PASSES
    if affordable < 2:
        if training:
            return ()
        pace = _seconds_per_multiply_add(device)
        return tuple(count * pace for count in _count_multiply_adds(model.eval().stages, images))
    # Half of what is affordable, so that a second pass can be timed without the set-up, but two
    # images, from which BatchNorm can learn.
    batch = max(2, min(most, affordable // 2)) if training else min(most, affordable // 2)
    passes = max(1, min(_PASSES, affordable // batch))
    images = torch.zeros(batch, 3, side, side, device=device.torch_device)
    images = images.contiguous(memory_format=torch.channels_last)
    return _time_stages(model.eval().stages, images, device, passes, training)


def _time_stages(
    stages: nn.Sequential, images: Tensor, device: Device, passes: int, training: bool
) -> tuple[float, ...]:
    seconds = []
    for stage in stages:
        stage.to_empty(device="cpu")
        # Memory that was not filled may hold denormal numbers, which are slow on a CPU.
        for tensor in chain(stage.parameters(), stage.buffers()):
            tensor.detach().zero_()
        device.place(stage)
        # Not the whole stage, since dropout would draw random numbers.
        for module in stage.modules():
            if isinstance(module, _BatchNorm):
                module.train(training)
        timed = [_time(stage, images, device, training) for _ in range(passes)]
        # The minimum: the first pass includes set-up, and others may be disturbed.
        seconds.append(min(timed) / len(images))
        with torch.no_grad(), device.autocast():
            images = stage(images)
        # Frees the weights, so that only one stage's are in memory at a time.
        stage.to("meta")
    return tuple(seconds)


def _time(stage: nn.Module, images: Tensor, device: Device, training: bool = False) -> float:
    """Return the seconds of a forward pass, in training with the backward pass."""
    if device.torch_device.type == "cpu":
        # Processor time, since other programs make a pass longer on the clock.
        used = time.process_time()
        _pass(stage, images, device, training)
        return (time.process_time() - used) / torch.get_num_threads()
    started = time.perf_counter()
    _pass(stage, images, device, training)
    # Kernels run asynchronously on a GPU.
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _pass(stage: nn.Module, images: Tensor, device: Device, training: bool) -> None:
    if not training:
        with torch.inference_mode(), device.autocast():
            stage(images)
        return
    with torch.enable_grad(), device.autocast():
        outputs = stage(images.detach().requires_grad_())
    outputs.backward(torch.ones_like(outputs))
    stage.zero_grad()


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
