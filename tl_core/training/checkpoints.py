"""Model checkpoints: a safetensors file that can be loaded without the hub or the run's record."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from tl_core.checksums import Damaged, verify, with_checksum
from tl_core.config import ModelConfig
from tl_core.errors import RunNotReady
from tl_core.files import delete, replacing
from tl_core.records import Levels, Preprocessing
from tl_core.text import without_folders

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
"""Names of data types in safetensors files."""
_MAPPED_FILES_ARE_KEPT = os.name == "nt"
"""True where a file cannot be replaced while tensors that were read from it are views of it."""
_MARK = "mark"
"""Metadata key of the digest that ties changes to their model."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    model: TransferModel
    """Model in eval mode, in main memory."""
    backbone: Backbone
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    """Preprocessing with which the model was trained and tested."""


def save_checkpoint(
    path: Path,
    model: TransferModel,
    config: ModelConfig,
    classes: Sequence[str],
    levels: Levels | None = None,
) -> None:
    """Write the whole model atomically: a reader, or a crash, leaves the old file or the new.

    Args:
        levels: black and white of the dataset's samples with more than 8 bits.
    """
    metadata = {
        "model": config.model_dump_json(),
        "classes": json.dumps(list(classes)),
        "levels": json.dumps(levels),
        # The head is small and changes in every epoch, so that its digest identifies the model.
        _MARK: _digest(model.head.state_dict()),
    }
    _write(path, _all_tensors(model), metadata)
    # Deleted last: changes that a crash leaves here have another model's mark and are ignored.
    delete(_changes_path(path))


def save_changes(path: Path, changed: dict[str, Tensor]) -> None:
    """Write only the tensors that differ from the saved model, as a frozen backbone is large.

    `load_checkpoint` reads both files; `make_whole` merges them.
    """
    with safe_open(path, framework="pt") as file:
        mark = file.metadata()[_MARK]
    _write(_changes_path(path), changed, {_MARK: mark})
    # Readers tell by the modification time that the model has changed.
    os.utime(path)


def make_whole(path: Path) -> None:
    """Merge the changes written by `save_changes`, if any, into the model's file."""
    changes = _changes_path(path)
    if not (changes.is_file() and path.is_file()):
        return
    # A damaged file stays as it is; loading it raises an error that says so.
    with suppress(SafetensorError, Damaged):
        tensors, metadata = _read(path)
        # Without the mark, changes that a crash leaves on disk are ignored from now on.
        metadata.pop(_MARK, None)
        _write(path, tensors, metadata)
        delete(changes)


def _changes_path(path: Path) -> Path:
    return path.with_suffix(".changes")


def _digest(tensors: dict[str, Tensor]) -> str:
    content = hashlib.sha256()
    for tensor in tensors.values():
        content.update(_bytes_of(tensor))
    return content.hexdigest()[:16]


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with replacing(path) as file:
        file.writelines(_as_safetensors(tensors, metadata))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata of the model, with changes applied if they belong to it."""
    changed: dict[str, Tensor] = {}
    mark: str | None = None
    # The changes are read first, because `make_whole` writes the model before it deletes them.
    with suppress(FileNotFoundError):
        changed, changes_metadata = _read_file(_changes_path(path))
        mark = changes_metadata[_MARK]
    tensors, metadata = _read_file(path)
    if mark is not None and mark == metadata.get(_MARK):
        tensors |= changed
    return tensors, metadata


def _read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    verify(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _MAPPED_FILES_ARE_KEPT:
            tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        return tensors, file.metadata()


def _as_safetensors(
    tensors: dict[str, Tensor], metadata: dict[str, str]
) -> Iterator[bytes | memoryview]:
    """Yield the parts of a safetensors file: header length, header, and each tensor's bytes.

    A checksum protects all of them.

    The safetensors library is several times slower, as it copies everything twice; its errors have
    no errno; and it refuses two names for one tensor, as in models with shared layers.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    # Larger elements first, so that every tensor is aligned to its element size.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    end = 0
    for name, tensor in ordered:
        start = end
        end += tensor.nbytes
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    yield from with_checksum(header, [_bytes_of(tensor) for _, tensor in ordered])


def _bytes_of(tensor: Tensor) -> memoryview:
    # Viewed as bytes, because numpy has no bfloat16.
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _all_tensors(model: TransferModel) -> dict[str, Tensor]:
    # Some buffers, such as the index tables of window attention, are in no state dict.
    return {**dict(model.named_buffers()), **model.state_dict()}


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a model from `path`.

    Raises:
        RunNotReady: there is no model yet, or the file is damaged.
    """
    if not path.is_file():
        raise RunNotReady(f"There is no model: the file {path.name} is missing.")
    try:
        tensors, metadata = _read(path)
    except (SafetensorError, OSError, Damaged) as error:
        raise RunNotReady(
            f"The model file {path.name} of run {path.parent.name} cannot be read "
            f"({without_folders(str(error))}): train again, or restore it from a backup."
        ) from error
    config = ModelConfig.model_validate_json(metadata["model"])
    classes = tuple(json.loads(metadata["classes"]))
    backbone = get_backbone(config.backbone)
    # On the meta device no random weights are drawn: for VGG that takes seconds, and it would
    # change the random numbers of a run in the same process.
    with torch.device("meta"):
        library_model = build_library_model(backbone, config.image_size)
        model = build_model(backbone, config, len(classes), library_model)
    _fill(model, tensors)
    freeze(model, resolve_frozen(backbone, config), config.batch_norm)
    # Earlier releases noted no levels.
    noted = json.loads(metadata.get("levels", "null"))
    levels = None if noted is None else tuple((kind, black, white) for kind, black, white in noted)
    preprocessing = replace(preprocessing_for(backbone, config.image_size), levels=levels)
    return Checkpoint(model.eval(), backbone, classes, preprocessing)


def _fill(model: TransferModel, tensors: dict[str, Tensor]) -> None:
    """Assign `tensors` to `model`, including buffers that are in no state dict."""
    names = list(model.state_dict())
    try:
        if not set(names) <= set(tensors):
            tensors = _rename_numbered(tensors, names)
        # Assigned, as tensors on the meta device have no memory to copy into.
        model.load_state_dict({name: tensors[name] for name in names}, assign=True)
        # Buffers outside the state dict would stay on the meta device.
        for name in set(_all_tensors(model)) - set(names):
            owner, _, buffer = name.rpartition(".")
            setattr(model.get_submodule(owner), buffer, tensors[name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise RunNotReady(
            "Another version of TransferLab saved this run's model: train it again."
        ) from error


def _rename_numbered(tensors: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Rename the tensors of a model of release 0.1, which numbered modules within each stage.

    Raises:
        ValueError: the names are not those of release 0.1 either.
    """

    def order(module: tuple[str, ...]) -> tuple[bool, list[int]]:
        return module[0] == "head", [int(number) for number in module[1:]]

    old_modules = sorted({_module_of(name, 3) for name in tensors}, key=order)
    # Libraries that keep their layers in a container have one more level of names.
    nested = {"features", "blocks"}
    new_modules = dict.fromkeys(
        _module_of(name, 4 if nested & set(name.split(".")) else 3) for name in names
    )
    renamed = dict(zip(old_modules, new_modules, strict=True))
    result = {}
    for name, tensor in tensors.items():
        module = _module_of(name, 3)
        rest = name.split(".")[len(module) :]
        result[".".join((*renamed[module], *rest))] = tensor
    return result


def _module_of(name: str, depth: int) -> tuple[str, ...]:
    """Return the first parts of a tensor's name, such as ("stages", "1", "0") or ("head", "3")."""
    return tuple(name.split(".")[: depth if name.startswith("stages.") else 2])
