"""How long a run will take on this machine, from a short measurement on it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tl_core.backbones import Anatomy, anatomy, build_library_model, build_model, get_backbone, preprocessing_for
from tl_core.config import ModelConfig, RunConfig
from tl_core.features import MAX_FEATURE_BYTES, can_keep_features, choose_views
from tl_core.records import Split
from tl_core.training.device import Device, pick_device
from tl_core.training.plan import Phase, make_plan
from tl_core.training.speeds import recall, remember

_BATCH, _PASSES = 4, 4
_MAX_MEASURED = 1e11
"""Multiply-adds that a measurement on a CPU may take: one or two seconds on two cores."""
_BACKWARD = 2.0
"""Cost of a backward pass in forward passes: it computes two gradients where forward computed one output."""
_OVERHEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    seconds: float
    views: int
    """Versions of each training image kept behind the frozen stages in the first phase; 0 when nothing is kept."""


def stage_seconds(backbone_name: str, image_size: int | None = None, home: Path | None = None) -> tuple[float, ...]:
    """Seconds that one image takes through each stage, forward; measured in about a second, once for each `home`."""
    size = preprocessing_for(get_backbone(backbone_name), image_size).size
    if home and (known := recall(home, backbone_name, size)):
        return known
    seconds = measure_stages(backbone_name, image_size)
    if home:
        remember(home, backbone_name, size, seconds)
    return seconds


@cache
def measure_stages(backbone_name: str, image_size: int | None = None) -> tuple[float, ...]:
    """The measurement; of a network too big for that on a CPU, from its multiply-adds and the machine's pace."""
    backbone, device = get_backbone(backbone_name), pick_device()
    side = preprocessing_for(backbone, image_size).size
    work = anatomy(backbone, image_size).multiply_adds
    config = ModelConfig(backbone=backbone_name, image_size=image_size)
    with torch.device("meta"):  # random weights would come from the generator that a run beside this one draws from
        model = build_model(backbone, config, 2, build_library_model(backbone, image_size)).eval()
        images = torch.empty(1, 3, side, side)
    affordable = int(_MAX_MEASURED / work) if device.torch_device.type == "cpu" else _BATCH * _PASSES
    if affordable < 2:
        return tuple(count * _seconds_per_multiply_add(device) for count in _count_multiply_adds(model.stages, images))
    batch = min(_BATCH, affordable // 2)
    passes = min(_PASSES, affordable // batch)
    images = torch.zeros(batch, 3, side, side, device=device.torch_device)
    return _time_stages(model.stages, images.contiguous(memory_format=torch.channels_last), device, passes)


@torch.inference_mode()
def _time_stages(stages: nn.Sequential, images: Tensor, device: Device, passes: int) -> tuple[float, ...]:
    seconds = []
    for stage in stages:
        stage.to_empty(device="cpu")
        for tensor in chain(stage.parameters(), stage.buffers()):
            tensor.zero_()
        device.place(stage)
        timed = [_time(stage, images, device) for _ in range(passes)]
        seconds.append(min(timed) / len(images))  # the first pays for set-up, and others may be disturbed
        images = stage(images)
        stage.to("meta")  # one stage's weights in memory are enough
    return tuple(seconds)


def _time(stage: nn.Module, images: Tensor, device: Device) -> float:
    started = time.perf_counter()
    stage(images)
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _count_multiply_adds(stages: nn.Sequential, images: Tensor) -> list[float]:
    counts = []
    for stage in stages:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            images = stage(images)
        counts.append(counter.get_total_flops() / 2)
    return counts


@cache
def _seconds_per_multiply_add(device: Device) -> float:
    """Of a convolution in the middle of a network: 256 channels on 28 × 28 pixels."""
    layer = nn.Conv2d(256, 256, 3, padding=1, device="meta").to_empty(device="cpu").requires_grad_(False)
    for tensor in layer.parameters():
        tensor.zero_()
    device.place(layer)
    images = torch.zeros(2, 256, 28, 28, device=device.torch_device).contiguous(memory_format=torch.channels_last)
    return min(_time(layer, images, device) for _ in range(_PASSES)) / (2 * 28 * 28 * layer.weight.numel())


def estimate_run(config: RunConfig, split: Split, home: Path | None = None) -> Estimate:
    """What pressing Train will take, the queue and an early end aside.

    Args:
        home: where measurements are remembered.
    """
    seconds = stage_seconds(config.model.backbone, config.model.image_size, home)
    phases = [_estimate_phase(config, phase, split, seconds) for phase in make_plan(config)]
    test = len(split.test) * sum(seconds)
    return Estimate(sum(phase.seconds for phase in phases) + test + _OVERHEAD_SECONDS, phases[0].views)


def _estimate_phase(config: RunConfig, phase: Phase, split: Split, seconds: Sequence[float]) -> Estimate:
    frozen = phase.frozen.stages
    prefix, rest = sum(seconds[:frozen]), sum(seconds[frozen:])
    n_train, n_val = len(split.train), len(split.val)
    learn = phase.epochs * (n_train * (1 + _BACKWARD) + n_val) * rest
    views = choose_views(n_train, phase.epochs, config.augment.is_on)
    if _keeps_features(config, phase, views * n_train + n_val):
        return Estimate((views * n_train + n_val) * prefix + learn, views)
    return Estimate(phase.epochs * (n_train + n_val) * prefix + learn, 0)


def _keeps_features(config: RunConfig, phase: Phase, rows: int) -> bool:
    """As a run decides it."""
    frozen = phase.frozen.stages
    if not frozen or config.model.batch_norm == "adapt" or not can_keep_features(config.train, phase.epochs):
        return False
    parts = anatomy(get_backbone(config.model.backbone), config.model.image_size)
    return rows * _activation_bytes(parts, frozen) <= MAX_FEATURE_BYTES


def _activation_bytes(parts: Anatomy, frozen: int) -> int:
    """Of one image behind the frozen stages, in float32; pooled when all are frozen."""
    return 4 * (parts.features if frozen == len(parts.stages) else prod(parts.stages[frozen - 1].shape))
