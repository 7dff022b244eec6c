"""A model on disk: one safetensors file that needs neither the hub nor the run's record to be used again."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tl_core.backbones import (
    Backbone,
    TransferModel,
    build_library_model,
    build_model,
    freeze,
    get_backbone,
    preprocessing_for,
    resolve_frozen,
)
from tl_core.config import ModelConfig
from tl_core.errors import RunNotReady
from tl_core.records import Preprocessing

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""By safetensors' names."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    model: TransferModel
    """In eval mode, in main memory."""
    backbone: Backbone
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    """What the model was trained and tested with."""


def save_checkpoint(path: Path, model: TransferModel, config: ModelConfig, classes: Sequence[str]) -> None:
    """Write the whole model; a reader, or a crash, finds either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"model": config.model_dump_json(), "classes": json.dumps(list(classes))}
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            file.writelines(_as_safetensors(_tensors(model), about))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _as_safetensors(tensors: dict[str, Tensor], about: dict[str, str]) -> Iterator[bytes | memoryview]:
    """The pieces of such a file, in order: the length of the header, the header, and all bytes of every tensor.

    The format's own library is several times slower, as it copies everything twice; its errors have no errno; and it
    refuses two names for one tensor, as models with shared layers have.
    """
    header: dict[str, Any] = {"__metadata__": about}
    ordered = sorted(tensors.items(), key=lambda item: -item[1].element_size())  # so that each begins where it may
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield from (len(text).to_bytes(8, "little"), text)
    for _, tensor in ordered:
        yield tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _tensors(model: TransferModel) -> dict[str, Tensor]:
    """All of them: some buffers, such as the index tables of window attention, are in no state dict."""
    return {**dict(model.named_buffers()), **model.state_dict()}


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
        model = build_model(backbone, config, len(classes), build_library_model(backbone, config.image_size))
    _fill(model, tensors)
    freeze(model, resolve_frozen(backbone, config), config.batch_norm)
    return Checkpoint(model.eval(), backbone, classes, preprocessing_for(backbone, config.image_size))


def _fill(model: TransferModel, tensors: dict[str, Tensor]) -> None:
    named = set(model.state_dict())
    try:
        tensors = tensors if named <= set(tensors) else _rename_numbered(tensors, list(model.state_dict()))
        model.load_state_dict({name: tensor for name, tensor in tensors.items() if name in named}, assign=True)
        for name in set(_tensors(model)) - named:
            owner, _, buffer = name.rpartition(".")
            setattr(model.get_submodule(owner), buffer, tensors[name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise RunNotReady("Another version of TransferLab saved this run's model: train it again.") from error


def _rename_numbered(tensors: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Tensors of a model of release 0.1, which numbered the library's modules within each stage, by today's names.

    Raises:
        ValueError: it is not that either.
    """
    olds = sorted({_part(name, 3) for name in tensors}, key=lambda part: (part[0] == "head", [*map(int, part[1:])]))
    news = list(dict.fromkeys(_part(name, 4 if {"features", "blocks"} & set(name.split(".")) else 3) for name in names))
    renamed = dict(zip(olds, news, strict=True))
    rest = {name: name.split(".")[len(_part(name, 3)) :] for name in tensors}
    return {".".join((*renamed[_part(name, 3)], *rest[name])): tensor for name, tensor in tensors.items()}


def _part(name: str, depth: int) -> tuple[str, ...]:
    """The module a tensor belongs to, by its first names: such as stages.1.0, or head.3."""
    return tuple(name.split(".")[: depth if name.startswith("stages.") else 2])
