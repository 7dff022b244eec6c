"""How long a run will take on this machine, from a short measurement on it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
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
from tl_core.config import ModelConfig, RunConfig
from tl_core.features import activation_bytes
from tl_core.records import Split
from tl_core.training.device import Device, pick_device
from tl_core.training.frozen_part import phases_that_keep, views_of
from tl_core.training.plan import make_plan
from tl_core.training.speed_records import recall, remember
from tl_core.training.testing import n_checked

_BATCH, _BATCH_ON_GPU, _PASSES = 4, 32, 4
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


def stage_seconds(
    backbone_name: str,
    image_size: int | None = None,
    home: Path | None = None,
    *,
    is_quiet: bool = True,
) -> tuple[float, ...]:
    """Seconds that one image takes through each stage, forward; measured in about a second, once for each `home`.

    Args:
        is_quiet: false while a run takes the machine: what is measured beside it is not remembered.
    """
    size = preprocessing_for(get_backbone(backbone_name), image_size).size
    if home and (known := recall(home, backbone_name, size)):
        return known
    seconds = measure_stages(backbone_name, image_size, is_quiet)
    if home and is_quiet:
        remember(home, backbone_name, size, seconds)
    return seconds


@cache
def measure_stages(
    backbone_name: str, image_size: int | None = None, is_quiet: bool = True
) -> tuple[float, ...]:
    """The measurement, one for a quiet machine and one for a busy one.

    Of a network too big for that on a CPU, from its multiply-adds and the machine's pace.
    """
    backbone, device = get_backbone(backbone_name), pick_device()
    side = preprocessing_for(backbone, image_size).size
    work = anatomy(backbone, image_size).multiply_adds
    config = ModelConfig(backbone=backbone_name, image_size=image_size)
    with torch.device(
        "meta"
    ):  # random weights would come from the generator that a run beside this one draws from
        model = build_model(backbone, config, 2, build_library_model(backbone, image_size)).eval()
        images = torch.empty(1, 3, side, side)
    on_cpu = device.torch_device.type == "cpu"
    most = _BATCH if on_cpu else _BATCH_ON_GPU
    affordable = int(_MAX_MEASURED / work) if on_cpu else most * _PASSES
    if affordable < 2:
        return tuple(
            count * _seconds_per_multiply_add(device, is_quiet)
            for count in _count_multiply_adds(model.stages, images)
        )
    batch = min(most, affordable // 2)
    passes = min(_PASSES, affordable // batch)
    images = torch.zeros(batch, 3, side, side, device=device.torch_device)
    return _time_stages(
        model.stages, images.contiguous(memory_format=torch.channels_last), device, passes
    )


def _time_stages(
    stages: nn.Sequential, images: Tensor, device: Device, passes: int
) -> tuple[float, ...]:
    seconds = []
    with torch.inference_mode(), device.autocast():
        for stage in stages:
            stage.to_empty(device="cpu")
            for tensor in chain(stage.parameters(), stage.buffers()):
                tensor.zero_()
            device.place(stage)
            timed = [_time(stage, images, device) for _ in range(passes)]
            seconds.append(
                min(timed) / len(images)
            )  # the first pays for set-up, and others may be disturbed
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
def _seconds_per_multiply_add(device: Device, is_quiet: bool = True) -> float:
    """Of a convolution in the middle of a network: 256 channels on 28 × 28 pixels."""
    layer = (
        nn.Conv2d(256, 256, 3, padding=1, device="meta")
        .to_empty(device="cpu")
        .requires_grad_(False)
    )
    for tensor in layer.parameters():
        tensor.zero_()
    device.place(layer)
    images = torch.zeros(2, 256, 28, 28, device=device.torch_device).contiguous(
        memory_format=torch.channels_last
    )
    return min(_time(layer, images, device) for _ in range(_PASSES)) / (
        2 * 28 * 28 * layer.weight.numel()
    )


def estimate_run(
    config: RunConfig,
    split: Split,
    home: Path | None = None,
    cache_bytes: float = float("inf"),
    *,
    is_quiet: bool = True,
) -> Estimate:
    """What pressing Train will take, the queue, an early end, and what earlier runs computed aside.

    Args:
        home: where measurements are remembered.
        cache_bytes: room for the activations of frozen stages.
        is_quiet: false while a run takes the machine.
    """
    seconds = stage_seconds(config.model.backbone, config.model.image_size, home, is_quiet=is_quiet)
    plan, parts = (
        make_plan(config),
        anatomy(get_backbone(config.model.backbone), config.model.image_size),
    )
    n_train, n_val, n_test = len(split.train), len(split.val), len(split.test)

    def row_bytes(cut: int) -> int:
        return activation_bytes(parts, cut, config.train.feature_precision)

    kept = phases_that_keep(config, plan, row_bytes)
    views = views_of(config, n_train, kept)
    rows = views * n_train + n_val
    if rows * sum(row_bytes(cut) for cut in {phase.frozen.stages for phase in kept}) > cache_bytes:
        kept, views, rows = (), 0, 0
    total = _OVERHEAD_SECONDS
    if kept:
        each, before = _prefix_seconds(
            config, max(phase.frozen.stages for phase in kept), seconds, home
        )
        total += before + rows * each
    for phase in plan:
        prefix, rest = sum(seconds[: phase.frozen.stages]), sum(seconds[phase.frozen.stages :])
        total += phase.epochs * (n_train * (1 + _BACKWARD) + n_val) * rest
        if phase not in kept:
            total += phase.epochs * (n_train + n_val) * prefix
    last = plan[-1].frozen.stages
    each, _ = _prefix_seconds(config, last, seconds, home)
    checked = n_checked(n_train, n_val) * (sum(seconds[last:]) + (0 if plan[-1] in kept else each))
    return Estimate(total + checked + n_test * (sum(seconds[last:]) + each), views)


def _prefix_seconds(
    config: RunConfig, cut: int, seconds: Sequence[float], home: Path | None
) -> tuple[float, float]:
    """Of one image through `cut` frozen stages, and before the first: as an earlier run found, or as PyTorch takes."""
    size = preprocessing_for(get_backbone(config.model.backbone), config.model.image_size).size
    known = recall(home, config.model.backbone, size, behind=cut) if home and cut else None
    if (
        known and len(known) == 2
    ):  # earlier versions spread the start over the images, however few they were
        return known[0], known[1]
    return sum(seconds[:cut]), 0.0
