"""How many images a step, where nobody said: what suits this machine."""

import os
from pathlib import Path

import torch

from tl_core.backbones import anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig
from tl_core.training.device import Device, pick_device

_MOST_ON_GPU = 128
_LEAST_STEPS = 20
"""Of an epoch, for a GPU to be given more images a step than usual: fewer learn too little in the usual epochs."""
_SHARE = 0.25
"""Of the memory, for what a step has to remember of its images."""
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_UNKNOWN_MEMORY = 8 * 2**30


def with_batch_size(config: RunConfig, n_train: int) -> RunConfig:
    """The same settings with a batch size: their own, or one that suits this machine and `n_train` images."""
    if config.train.batch_size:
        return config
    device = pick_device()
    chosen = choose_batch_size(
        config, n_train, device.torch_device.type == "cuda", memory_bytes(device)
    )
    return config.model_copy(
        update={"train": config.train.model_copy(update={"batch_size": chosen})}
    )


def choose_batch_size(config: RunConfig, n_train: int, on_gpu: bool, memory: int) -> int:
    """A power of two: more on a GPU, which idles over few; less where the memory would not hold what is learned from.

    Args:
        n_train: images to train on.
        memory: of the device, in bytes.
    """
    usual, chosen = config.train.images_per_batch, _MOST_ON_GPU
    while chosen > usual and not (on_gpu and n_train >= _LEAST_STEPS * chosen):
        chosen //= 2
    while chosen > 1 and chosen * step_bytes(config) > _SHARE * memory:
        chosen //= 2
    return chosen


def step_bytes(config: RunConfig) -> int:
    """What one image takes in memory, in bytes, until the backward pass has been through all stages that learn."""
    backbone = get_backbone(config.model.backbone)
    stages = anatomy(backbone, config.model.image_size).stages
    return 4 * sum(
        stage.values for stage in stages[resolve_frozen(backbone, config.model).stages :]
    )


def memory_bytes(device: Device) -> int:
    """All that the device has, or as much of the machine's as this process's container may use."""
    if device.torch_device.type == "cuda":
        return int(torch.cuda.get_device_properties(device.torch_device).total_memory)
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return _UNKNOWN_MEMORY
    try:
        return min(machine, int(_CONTAINER.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return machine
