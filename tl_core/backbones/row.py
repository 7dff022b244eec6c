"""Rows of the catalogue: a backbone and the source of its weights."""

from dataclasses import dataclass
from typing import Literal

from tl_core.records import Preprocessing


@dataclass(frozen=True, slots=True)
class Weights:
    """Source of a backbone's ImageNet weights; a Python package has neither URL nor hub id."""

    source: str
    licence: str
    url: str | None = None
    hub_id: str | None = None
    """Repository on the Hugging Face hub (for timm's weights)."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """Row of the catalogue, made without building the network."""

    name: str
    title: str
    description: str
    """Sentence about the family of networks, in plain words."""
    library: Literal["timm", "torchvision"]
    family: str
    classifier: str
    """Dotted prefix of the library's classifier, which the new head replaces."""
    parameters: int | None
    """Published number of parameters, with the ImageNet classifier; None if not published."""
    flops: float | None
    """Published multiply-adds for one image of its own size."""
    top1: float | None
    """Top-1 accuracy on ImageNet's validation images, 0 to 1."""
    top1_source: str
    preprocessing: Preprocessing
    min_size: int
    """Smallest published image size, in pixels."""
    weights: Weights
