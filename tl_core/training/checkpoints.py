"""A model on disk: one safetensors file that needs neither the hub nor the run's record to be used again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from tl_core.backbones import (
    Backbone,
    TransferModel,
    build_library_model,
    build_model,
    freeze_stages,
    get_backbone,
    resolve_frozen_stages,
)
from tl_core.config import ModelConfig
from tl_core.errors import RunNotReady


@dataclass(frozen=True, slots=True)
class Checkpoint:
    model: TransferModel
    """In eval mode, in main memory."""
    backbone: Backbone
    classes: tuple[str, ...]


def save_checkpoint(path: Path, model: TransferModel, config: ModelConfig, classes: Sequence[str]) -> None:
    """Write the whole model; a reader, or a crash, finds either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    about = {"model": config.model_dump_json(), "classes": json.dumps(list(classes))}
    unfinished = path.with_suffix(".unfinished")
    try:
        unfinished.write_bytes(save(tensors, metadata=about))  # and not `save_file`, whose errors have no errno
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a model back.

    Raises:
        RunNotReady: there is none yet, or the file is damaged.
    """
    if not path.is_file():
        raise RunNotReady("This run has no model: it ended before its first epoch was finished.")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise RunNotReady(f"This run's model file cannot be read ({error}): train it again.") from error
    config, classes = ModelConfig.model_validate_json(about["model"]), tuple(json.loads(about["classes"]))
    backbone = get_backbone(config.backbone)
    # Drawing random weights only to replace them takes seconds for VGG, and a run beside this one would miss them.
    with torch.device("meta"):
        model = build_model(backbone, config, len(classes), build_library_model(backbone))
    model.load_state_dict(tensors, assign=True)
    freeze_stages(model, resolve_frozen_stages(backbone, config.frozen_stages))
    return Checkpoint(model.eval(), backbone, classes)
