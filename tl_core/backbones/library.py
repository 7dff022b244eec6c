"""The libraries' own networks, and how they take another image size."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tl_core.backbones.catalog import Backbone

# GoogLeNet and Inception: the extra classifiers of their training are left out, and so is the change of normalisation
# in front, which the catalogue's preprocessing has already made.
_WITHOUT_EXTRAS = {"transform_input": False, "aux_logits": False, "init_weights": True}


def build_library_model(backbone: Backbone, image_size: int | None = None) -> nn.Module:
    """The library's own network, with fresh random weights and its classifier, for images of that side in pixels.

    Within `torch.device("meta")` it takes no memory and no random numbers.
    """
    if torch.get_default_device().type != "meta":
        return _build(backbone, image_size)[0]
    with torch.device("cpu"), _WeightsOnMeta():
        return _build(backbone, image_size)[0].to("meta")


def constructor_options(backbone: Backbone, image_size: int | None = None) -> dict[str, Any]:
    """Keyword arguments that `build_library_model` gives to the library's constructor."""
    with torch.device("cpu"), _WeightsOnMeta():
        return _build(backbone, image_size)[1]


def _build(backbone: Backbone, image_size: int | None) -> tuple[nn.Module, dict[str, Any]]:
    """The network, and the options that it was made with."""
    build = _build_timm if backbone.library == "timm" else _build_torchvision
    return build(backbone, image_size or backbone.preprocessing.size)


def _build_torchvision(backbone: Backbone, size: int) -> tuple[nn.Module, dict[str, Any]]:
    options: dict[str, Any] = {}
    if backbone.family in ("googlenet", "inception"):
        options = _WITHOUT_EXTRAS
    elif backbone.family == "vit":
        options = {"image_size": size}
    elif backbone.family == "maxvit":
        options = {"input_size": (size, size)}
    return torchvision.models.get_model(backbone.name, weights=None, **options), options


def _build_timm(backbone: Backbone, size: int) -> tuple[nn.Module, dict[str, Any]]:
    """Made for that size where the network has such an option; others, convolutional ones mostly, take any size."""
    import timm

    given: dict[str, Any] = {} if size == backbone.preprocessing.size else {"img_size": size}
    for options in ({**given, "dynamic_img_size": False}, given):
        try:
            return timm.create_model(backbone.name, pretrained=False, **options), options
        except TypeError:
            continue
    return timm.create_model(backbone.name, pretrained=False), {}


class _WeightsOnMeta(TorchFunctionMode):
    """Weights come without memory; other tensors stay real, since some networks compute their layout with them."""

    _WEIGHTS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
    _FILLING = (
        Tensor.normal_,
        Tensor.uniform_,
        Tensor.fill_,
        Tensor.zero_,
        Tensor.erfinv_,
        Tensor.clamp_,
    )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._FILLING and args[0].is_meta:
            return args[0]  # there is nothing to fill, and trying takes its time
        if func in self._WEIGHTS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
