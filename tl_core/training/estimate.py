"""How long a run will take on this machine, from a short measurement on it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

import torch

from tl_core.backbones import build_library_model, get_backbone, resolve_frozen_stages, stage_shapes
from tl_core.backbones.build import stage_modules
from tl_core.config import RunConfig
from tl_core.features import MAX_FEATURE_BYTES, choose_views
from tl_core.records import Split
from tl_core.training.device import pick_device

_BATCH, _PASSES = 4, 4
_BACKWARD = 2.0
"""Cost of a backward pass in forward passes: it computes two gradients where forward computed one output."""
_OVERHEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    seconds: float
    views: int
    """Versions of each training image that are kept behind the frozen stages; 0 when nothing is kept."""


@cache
def stage_seconds(backbone_name: str) -> tuple[float, ...]:
    """Seconds that one image takes through each stage, forward; measured once in this process, in about a second."""
    backbone, device = get_backbone(backbone_name), pick_device()
    with torch.device("meta"):  # random weights would come from the generator that a run beside this one draws from
        stages = stage_modules(backbone, build_library_model(backbone).eval())
    side = backbone.preprocessing.size
    for stage in stages:
        for tensor in stage.to_empty(device="cpu").state_dict().values():
            tensor.zero_()
        device.place(stage)
    image = torch.zeros(_BATCH, 3, side, side, device=device.torch_device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        passes = [_time_through(stages, image) for _ in range(_PASSES)]
    return tuple(map(min, zip(*passes, strict=True)))  # the first pays for set-up, and others may be disturbed


def _time_through(stages: Sequence[torch.nn.Module], image: torch.Tensor) -> tuple[float, ...]:
    seconds = []
    for stage in stages:
        started = time.perf_counter()
        image = stage(image)
        if image.is_cuda:
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started) / _BATCH)
    return tuple(seconds)


def estimate_run(config: RunConfig, split: Split) -> Estimate:
    """What pressing Train will take, the queue aside."""
    backbone, train = get_backbone(config.model.backbone), config.train
    frozen = resolve_frozen_stages(backbone, config.model.frozen_stages)
    seconds = stage_seconds(backbone.name)
    prefix, rest = sum(seconds[:frozen]), sum(seconds[frozen:])
    n_train, n_val, n_test = len(split.train), len(split.val), len(split.test)
    views = choose_views(n_train, train.epochs, train.augment)
    learn = train.epochs * (n_train * (1 + _BACKWARD) + n_val) * rest
    if frozen and _activation_bytes(config, frozen) * (views * n_train + n_val) <= MAX_FEATURE_BYTES:
        prepare = (views * n_train + n_val) * prefix
    else:
        views, prepare = 0, train.epochs * (n_train + n_val) * prefix
    return Estimate(prepare + learn + n_test * (prefix + rest) + _OVERHEAD_SECONDS, views)


def _activation_bytes(config: RunConfig, frozen: int) -> int:
    """Of one image behind the frozen stages, in float32; pooled when all are frozen."""
    shapes = stage_shapes(get_backbone(config.model.backbone))
    channels, height, width = shapes[frozen - 1][1]
    return 4 * (channels if frozen == len(shapes) else prod((channels, height, width)))
