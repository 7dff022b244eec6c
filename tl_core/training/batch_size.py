"""Default batch size for this machine, when the user chose none."""

from pathlib import Path

import psutil
import torch

from tl_core.backbones import anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig
from tl_core.training.device import Device, pick_device

_MAX_ON_GPU = 128
_MIN_STEPS = 20
"""Steps per epoch that a larger batch must leave: with fewer, the usual epochs learn too little."""
_MEMORY_SHARE = 0.25
"""Share of the memory for the activations that the backward pass needs."""
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
"""Memory limit of the process's container, on Linux."""
"""Bytes assumed where the system does not tell."""


def with_batch_size(config: RunConfig, n_train: int) -> RunConfig:
    """Return `config` with a batch size: its own, or one for this machine and `n_train` images."""
    if config.train.batch_size:
        return config
    device = pick_device()
    on_gpu = device.torch_device.type == "cuda"
    chosen = choose_batch_size(config, n_train, on_gpu, memory_bytes(device))
    train = config.train.model_copy(update={"batch_size": chosen})
    return config.model_copy(update={"train": train})


def choose_batch_size(config: RunConfig, n_train: int, on_gpu: bool, memory: int) -> int:
    """Return a power of two: larger on a GPU, smaller where memory cannot hold the activations.

    Args:
        n_train: number of training images.
        memory: memory of the device, in bytes.
    """
    usual = config.train.images_per_batch
    chosen = _MAX_ON_GPU
    # Small batches leave a GPU idle; a CPU gains nothing from large ones.
    while chosen > usual and not (on_gpu and n_train >= _MIN_STEPS * chosen):
        chosen //= 2
    while chosen > 1 and chosen * step_bytes(config) > _MEMORY_SHARE * memory:
        chosen //= 2
    return chosen


def step_bytes(config: RunConfig) -> int:
    """Return the bytes of activations that one image keeps in memory for the backward pass."""
    backbone = get_backbone(config.model.backbone)
    stages = anatomy(backbone, config.model.image_size).stages
    n_frozen = resolve_frozen(backbone, config.model).stages
    # Counted as float32; in mixed precision they take less.
    return 4 * sum(stage.values for stage in stages[n_frozen:])


def memory_bytes(device: Device) -> int:
    """Return the memory of the GPU, or of the machine within its container's limit, in bytes."""
    if device.torch_device.type == "cuda":
        return int(torch.cuda.get_device_properties(device.torch_device).total_memory)
    # Of the machine even inside a container.
    machine = int(psutil.virtual_memory().total)
    try:
        return min(machine, int(_CONTAINER.read_text("ascii")))
    # There is no container, or one without a limit: the file then holds "max".
    except (OSError, ValueError):
        return machine
