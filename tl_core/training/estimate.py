"""Estimated duration of a run, from a short measurement on this machine."""

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
from tl_core.training.plan import Phase, make_plan
from tl_core.training.speed_records import recall, remember
from tl_core.training.testing import n_checked

_BATCH = 4
_BATCH_ON_GPU = 32
_PASSES = 4
_MAX_MEASURED = 1e11
"""Multiply-adds that a measurement on a CPU may take: one or two seconds on two cores."""
_BACKWARD = 2.0
"""Cost of a backward pass in forward passes: gradients of both weights and activations."""
_OVERHEAD_SECONDS = 2.0
"""Time of a run for everything but images, such as building the model."""


@dataclass(frozen=True, slots=True)
class Estimate:
    seconds: float
    views: int
    """Views of each training image that are cached as activations; 0 if none are."""


def stage_seconds(
    backbone_name: str,
    image_size: int | None = None,
    home: Path | None = None,
    *,
    is_quiet: bool = True,
) -> tuple[float, ...]:
    """Return the seconds per image of each stage's forward pass.

    The measurement takes about a second and is stored in `home`.

    Args:
        is_quiet: False while a run uses the machine; the measurement is then not stored.
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
    """Measure the seconds per image of each stage's forward pass, once per process.

    For a network too large to measure on a CPU, they are derived from its multiply-adds. The
    argument `is_quiet` only keeps results on an idle machine apart from those on a busy one.
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
        pace = _seconds_per_multiply_add(device, is_quiet)
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
def _seconds_per_multiply_add(device: Device, is_quiet: bool = True) -> float:
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


def estimate_run(
    config: RunConfig,
    split: Split,
    home: Path | None = None,
    cache_bytes: float = float("inf"),
    *,
    is_quiet: bool = True,
) -> Estimate:
    """Estimate the duration of a run without its time in the queue.

    Early stopping and activations already cached by earlier runs are not taken into account.

    Args:
        home: folder in which measurements are stored.
        cache_bytes: space for activations of frozen stages.
        is_quiet: False while a run uses the machine.
    """
    model = config.model
    seconds = stage_seconds(model.backbone, model.image_size, home, is_quiet=is_quiet)
    plan = make_plan(config)
    n_train = len(split.train)
    n_val = len(split.val)
    kept, views = _cached_phases(config, plan, n_train, n_val, cache_bytes)
    total = _OVERHEAD_SECONDS
    if kept:
        # The longest prefix passes through all the others on its way.
        cut = max(phase.frozen.stages for phase in kept)
        per_image, start_seconds = _prefix_seconds(config, cut, seconds, home)
        total += start_seconds + (views * n_train + n_val) * per_image
    for phase in plan:
        prefix = sum(seconds[: phase.frozen.stages])
        rest = sum(seconds[phase.frozen.stages :])
        total += phase.epochs * (n_train * (1 + _BACKWARD) + n_val) * rest
        if phase not in kept:
            total += phase.epochs * (n_train + n_val) * prefix
    cut = plan[-1].frozen.stages
    rest = sum(seconds[cut:])
    prefix, _ = _prefix_seconds(config, cut, seconds, home)
    check = n_checked(n_train, n_val) * (rest + (0 if plan[-1] in kept else prefix))
    test = len(split.test) * (rest + prefix)
    return Estimate(total + check + test, views)


def _cached_phases(
    config: RunConfig, plan: Sequence[Phase], n_train: int, n_val: int, cache_bytes: float
) -> tuple[tuple[Phase, ...], int]:
    """Return (phases that train on cached activations, views per training image)."""
    parts = anatomy(get_backbone(config.model.backbone), config.model.image_size)

    def row_bytes(cut: int) -> int:
        return activation_bytes(parts, cut, config.train.feature_precision)

    kept = phases_that_keep(config, plan, row_bytes)
    views = views_of(config, n_train, kept)
    bytes_per_view = sum(row_bytes(cut) for cut in {phase.frozen.stages for phase in kept})
    if (views * n_train + n_val) * bytes_per_view > cache_bytes:
        return (), 0
    return kept, views


def _prefix_seconds(
    config: RunConfig, cut: int, seconds: Sequence[float], home: Path | None
) -> tuple[float, float]:
    """Return (seconds per image through `cut` frozen stages, seconds of set-up).

    They come from an earlier run if there was one, otherwise from the measured stages.
    """
    if home and cut:
        size = preprocessing_for(get_backbone(config.model.backbone), config.model.image_size).size
        known = recall(home, config.model.backbone, size, behind=cut)
        # Earlier versions stored one number, with the set-up spread over the images.
        if known and len(known) == 2:
            return known[0], known[1]
    return sum(seconds[:cut]), 0.0
