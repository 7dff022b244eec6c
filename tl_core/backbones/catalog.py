"""Catalogue of backbones, made from the libraries' metadata; any other of timm's by name."""

from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from tl_core.backbones.row import Backbone, Weights
from tl_core.backbones.timm_rows import lite_rows, search_timm, timm_names, timm_row
from tl_core.backbones.torchvision_rows import torchvision_names, torchvision_row, torchvision_rows
from tl_core.errors import UnknownBackbone
from tl_core.records import Preprocessing

__all__ = [
    "Backbone",
    "Weights",
    "get_backbone",
    "list_backbones",
    "preprocessing_for",
    "search_timm",
]

_RECOMMENDED = (
    "tf_efficientnet_lite0",
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "convnext_tiny",
    "vit_b_16",
    "vgg16",
)


def list_backbones() -> tuple[Backbone, ...]:
    """List EfficientNet-Lite and torchvision's ImageNet classifiers, the recommended ones first."""
    return tuple(_rows().values())


def get_backbone(name: str) -> Backbone:
    """Return the backbone of that name, from the catalogue or from timm.

    Raises:
        UnknownBackbone: there is none; the message names similar ones.
    """
    # torchvision's rows do not need timm, which takes a while to import.
    if name in torchvision_names():
        return torchvision_row(name)
    row = _rows().get(name) or timm_row(name)
    if row is None:
        near = get_close_matches(name, [*_rows(), *timm_names()], 5)
        advice = "the catalogue and timm's list have the names."
        if near:
            advice = f"did you mean {' or '.join(near)}?"
        raise UnknownBackbone(f"There is no backbone called {name!r}; {advice}")
    return row


def preprocessing_for(backbone: Backbone, image_size: int | None) -> Preprocessing:
    """Return the preprocessing at another image size; the centre crop keeps the same share."""
    own = backbone.preprocessing
    if image_size in (None, own.size):
        return own
    # Rounding must not leave the image smaller than its crop.
    resize = max(image_size, round(own.resize * image_size / own.size))
    return replace(own, size=image_size, resize=resize)


@cache
def _rows() -> dict[str, Backbone]:
    rows = {row.name: row for row in (*lite_rows(), *torchvision_rows())}
    # A dict keeps the first place of a repeated key, so that the recommended ones lead.
    return {name: rows[name] for name in (*_RECOMMENDED, *rows)}
