"""Networks as timm and torchvision build them, at any image size."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tl_core.backbones.catalog import Backbone

# GoogLeNet and Inception: without the auxiliary classifiers of their training, and without the
# change of normalisation in front, which the catalogue's preprocessing includes.
# Without init_weights torchvision warns that its default will change.
_WITHOUT_EXTRAS = {"transform_input": False, "aux_logits": False, "init_weights": True}


def build_library_model(backbone: Backbone, image_size: int | None = None) -> nn.Module:
    """Build the library's network with random weights and its classifier.

    Within `torch.device("meta")` this takes no memory and draws no random numbers.
    """
    if torch.get_default_device().type != "meta":
        return _build(backbone, image_size)[0]
    # Not on meta as a whole: constructors read values back from tensors, such as drop rates.
    with torch.device("cpu"), _WeightsOnMeta():
        return _build(backbone, image_size)[0].to("meta")


def constructor_options(backbone: Backbone, image_size: int | None = None) -> dict[str, Any]:
    """Return the keyword arguments that `build_library_model` passes to the constructor."""
    with torch.device("cpu"), _WeightsOnMeta():
        return _build(backbone, image_size)[1]


def _build(backbone: Backbone, image_size: int | None) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network; also return the options of its constructor."""
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
    """Build for that size if the network has such an option; convolutional ones take any size."""
    import timm

    at_size: dict[str, Any] = {}
    if size != backbone.preprocessing.size:
        at_size = {"img_size": size}
    # With a dynamic size position embeddings are resampled in each pass, which defeats tracing.
    for options in ({**at_size, "dynamic_img_size": False}, at_size):
        try:
            return timm.create_model(backbone.name, pretrained=False, **options), options
        # Networks without an option refuse it as an unknown keyword.
        except TypeError:
            continue
    return timm.create_model(backbone.name, pretrained=False), {}


class _WeightsOnMeta(TorchFunctionMode):
    """Create weights on the meta device; other tensors stay real, since layouts depend on them."""

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
            # Filling a meta tensor has no effect and takes time.
            return args[0]
        if func in self._WEIGHTS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
