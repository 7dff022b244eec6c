"""A model on disk: one safetensors file that needs neither the hub nor the run's record to be used again."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
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
from tl_core.files import replacing
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
_MARK = "mark"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    model: TransferModel
    """In eval mode, in main memory."""
    backbone: Backbone
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    """What the model was trained and tested with."""


def save_checkpoint(
    path: Path, model: TransferModel, config: ModelConfig, classes: Sequence[str]
) -> None:
    """Write the whole model; a reader, or a crash, finds either the old file or the new one."""
    about = {"model": config.model_dump_json(), "classes": json.dumps(list(classes))}
    _write(path, _tensors(model), {**about, _MARK: _digest(model.head.state_dict())})
    _beside(path).unlink(missing_ok=True)


def save_changes(path: Path, changed: dict[str, Tensor]) -> None:
    """Write only what differs from the model that was saved last: a frozen backbone need not be written every epoch.

    `load_checkpoint` reads both; `make_whole` makes one file of them.
    """
    with safe_open(path, framework="pt") as file:
        mark = file.metadata()[_MARK]
    _write(_beside(path), changed, {_MARK: mark})
    os.utime(path)  # who goes by its time sees that the model is another


def make_whole(path: Path) -> None:
    """Make one file of a model and what `save_changes` has left beside it; where that is nothing, all stays."""
    if _beside(path).is_file() and path.is_file():
        with suppress(SafetensorError):  # a damaged file stays, and who loads it is told
            tensors, about = _read(path)
            _write(path, tensors, {name: words for name, words in about.items() if name != _MARK})
            _beside(path).unlink()


def _beside(path: Path) -> Path:
    return path.with_suffix(".changes")


def _digest(tensors: dict[str, Tensor]) -> str:
    """By which changes know the model that they belong to."""
    content = hashlib.sha256()
    for tensor in tensors.values():
        content.update(_bytes_of(tensor))
    return content.hexdigest()[:16]


def _write(path: Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    with replacing(path) as file:
        file.writelines(_as_safetensors(tensors, about))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of the model, the changes among them if they are of this very model, and what it says of itself."""
    try:
        changed, of = _tensors_of(_beside(path))
    except FileNotFoundError:
        changed, of = {}, {_MARK: ""}
    tensors, about = _tensors_of(
        path
    )  # second: whoever makes one of them puts the whole in place before changes go
    return (tensors | changed if of[_MARK] == about.get(_MARK) else tensors), about


def _tensors_of(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def _as_safetensors(
    tensors: dict[str, Tensor], about: dict[str, str]
) -> Iterator[bytes | memoryview]:
    """The pieces of such a file, in order: the length of the header, the header, and all bytes of every tensor.

    The format's own library is several times slower, as it copies everything twice; its errors have no errno; and it
    refuses two names for one tensor, as models with shared layers have.
    """
    header: dict[str, Any] = {"__metadata__": about}
    ordered = sorted(
        tensors.items(), key=lambda item: -item[1].element_size()
    )  # so that each begins where it may
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield from (len(text).to_bytes(8, "little"), text)
    for _, tensor in ordered:
        yield _bytes_of(tensor)


def _bytes_of(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


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
        tensors, about = _read(path)
    except (SafetensorError, OSError) as error:
        raise RunNotReady(
            f"This run's model file cannot be read ({error}): train it again."
        ) from error
    config, classes = (
        ModelConfig.model_validate_json(about["model"]),
        tuple(json.loads(about["classes"])),
    )
    backbone = get_backbone(config.backbone)
    # Drawing random weights only to replace them takes seconds for VGG, and a run beside this one would miss them.
    with torch.device("meta"):
        model = build_model(
            backbone, config, len(classes), build_library_model(backbone, config.image_size)
        )
    _fill(model, tensors)
    freeze(model, resolve_frozen(backbone, config), config.batch_norm)
    return Checkpoint(
        model.eval(), backbone, classes, preprocessing_for(backbone, config.image_size)
    )


def _fill(model: TransferModel, tensors: dict[str, Tensor]) -> None:
    named = set(model.state_dict())
    try:
        tensors = (
            tensors
            if named <= set(tensors)
            else _rename_numbered(tensors, list(model.state_dict()))
        )
        model.load_state_dict(
            {name: tensor for name, tensor in tensors.items() if name in named}, assign=True
        )
        for name in set(_tensors(model)) - named:
            owner, _, buffer = name.rpartition(".")
            setattr(model.get_submodule(owner), buffer, tensors[name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise RunNotReady(
            "Another version of TransferLab saved this run's model: train it again."
        ) from error


def _rename_numbered(tensors: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Tensors of a model of release 0.1, which numbered the library's modules within each stage, by today's names.

    Raises:
        ValueError: it is not that either.
    """
    olds = sorted(
        {_part(name, 3) for name in tensors},
        key=lambda part: (part[0] == "head", [*map(int, part[1:])]),
    )
    news = list(
        dict.fromkeys(
            _part(name, 4 if {"features", "blocks"} & set(name.split(".")) else 3) for name in names
        )
    )
    renamed = dict(zip(olds, news, strict=True))
    rest = {name: name.split(".")[len(_part(name, 3)) :] for name in tensors}
    return {
        ".".join((*renamed[_part(name, 3)], *rest[name])): tensor
        for name, tensor in tensors.items()
    }


def _part(name: str, depth: int) -> tuple[str, ...]:
    """The module a tensor belongs to, by its first names: such as stages.1.0, or head.3."""
    return tuple(name.split(".")[: depth if name.startswith("stages.") else 2])
