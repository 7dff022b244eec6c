"""Weights files: only tensors and plain values are ever unpickled, all else is refused by name.

Those of other people are looked into by a child process first: see `look`.
"""

import argparse
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from tl_core.errors import WeightsMismatch, WeightsUnavailable
from tl_core.text import shorten, visible

SUFFIXES = (".safetensors", ".pth", ".pt")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "backbone", "teacher")
_NAMED_AT_MOST = 20
_DEEPEST = 8
"""Wrappers around a state dict that are taken off; a table may hold itself."""
_CODE = re.compile(r"GLOBAL (\S+) was not an allowed global")
"""Words with which torch refuses whatever is neither a tensor nor plain data."""

# Training scripts, such as torchvision's and timm's, keep their command line in the checkpoint.
# It is plain data.
torch.serialization.add_safe_globals([argparse.Namespace])


def list_weights_files(folders: Sequence[Path]) -> tuple[str, ...]:
    """List the names of the weights files directly in the folders, sorted."""
    return tuple(sorted(_weights_files(folders)))


def own_weights_file(name: str, folders: Sequence[Path]) -> Path:
    """Find the file of that name. The name is only compared, so it cannot lead out of a folder.

    Raises:
        WeightsUnavailable: no folder holds it; the sentence lists the files that exist.
    """
    here = _weights_files(folders)
    if name not in here:
        names = sorted(here)
        more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
        there_is = (
            f"there are {', '.join(names[:_NAMED_AT_MOST])}{more}" if names else "there is none yet"
        )
        raise WeightsUnavailable(
            f"There is no weights file {name!r}: {there_is}. "
            f"Add it as {' or '.join(SUFFIXES)} to the weights folder, or choose other weights."
        )
    return here[name]


def _weights_files(folders: Sequence[Path]) -> dict[str, Path]:
    """Map names to files; earlier folders win, and links that lead out of a folder are ignored."""
    found: dict[str, Path] = {}
    for folder in folders:
        for file in folder.iterdir() if folder.is_dir() else ():
            # macOS leaves hidden companions beside files, such as ._model.pth.
            is_weights = (
                file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
            )
            if is_weights and file.resolve().parent == folder.resolve():
                found.setdefault(file.name, file)
    return found


def read_tensors(file: Path, *, shapes_only: bool = False) -> dict[str, Tensor]:
    """Read tensors by name, unwrapped from a training script's checkpoint; floats as float32.

    Args:
        shapes_only: return tensors on the meta device, which takes little time and memory.

    Raises:
        WeightsMismatch: the file is damaged, or holds something else.
    """
    try:
        _refuse_bomb(file)
        content = _read(file, shapes_only)
    except WeightsMismatch:
        raise
    except Exception as error:
        # Damaged pickles raise errors of almost any kind.
        raise WeightsMismatch(
            f"The weights file {file.name} cannot be read as plain tensors: {_what_is(error)}. "
            "Save it again as a state dict, best as .safetensors."
        ) from error
    state = {
        name: _as_float32(value)
        for name, value in _unwrap(content).items()
        if _is_plain(name, value) and _is_held(file, name, value)
    }
    if not state:
        raise WeightsMismatch(
            f"The weights file {file.name} is not a state dict: a table of names and tensors."
        )
    return state


def _what_is(error: Exception) -> str:
    """Say what is wrong with a file that torch has refused."""
    code = _CODE.search(str(error))
    if code is None:
        return "it is damaged or holds something else"
    return f"it holds {shorten(visible(code[1]), 80)}, which is code and no tensor"


def _refuse_bomb(file: Path) -> None:
    """Refuse a zip that unpacks to more than it is.

    torch packs nothing, so that neither a size that is announced nor the real one, which is the
    same then, exceeds the file's.

    Raises:
        WeightsMismatch: it does.
    """
    if file.suffix.lower() == ".safetensors" or not zipfile.is_zipfile(file):
        return
    size = file.stat().st_size
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    is_packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if is_packed or sum(entry.file_size for entry in entries) > size:
        raise WeightsMismatch(
            f"The weights file {file.name} would unpack to more than its {size:,} bytes, as no "
            "weights file does. Save it again as a state dict, best as .safetensors."
        )


def _is_held(file: Path, name: str, tensor: Tensor) -> bool:
    """Tell that a tensor's values are in the file.

    Raises:
        WeightsMismatch: it repeats a few values to any size, which would fill the memory.
    """
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise WeightsMismatch(
            f"The weights file {file.name} announces more values of {shorten(visible(name), 80)} "
            "than it holds. Save it again as a state dict, best as .safetensors."
        )
    return True


def _read(file: Path, shapes_only: bool) -> Any:
    if file.suffix.lower() == ".safetensors":
        return _read_header(file) if shapes_only else load_file(file)
    # torch's warnings ask users to report files that it refuses.
    with warnings.catch_warnings(action="ignore"):
        return torch.load(file, map_location="meta" if shapes_only else "cpu", weights_only=True)


def _read_header(file: Path) -> dict[str, Tensor]:
    with safe_open(file, framework="pt") as opened:
        # A slice reads no values until it is indexed.
        slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
        return {
            name: tensor_of(part.get_shape(), part.get_dtype()) for name, part in slices.items()
        }


def tensor_of(shape: Sequence[int], dtype: str) -> Tensor:
    """Make a meta tensor from a safetensors header; of its dtype only float or not is kept."""
    is_float = re.match(r"B?F\d", dtype) is not None
    return torch.empty(
        tuple(shape), dtype=torch.float32 if is_float else torch.int64, device="meta"
    )


def _unwrap(content: Any) -> Mapping[Any, Any]:
    for _ in range(_DEEPEST):
        if not isinstance(content, Mapping):
            break
        inside = [content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        # Tensors beside a wrapper's name show that this is the state dict itself.
        if not inside or any(isinstance(value, Tensor) for value in content.values()):
            return content
        content = inside[0]
    return {}


def _is_plain(name: Any, value: Any) -> bool:
    is_dense = (
        isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized
    )
    return isinstance(name, str) and is_dense and not value.is_complex()


def _as_float32(tensor: Tensor) -> Tensor:
    return tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
