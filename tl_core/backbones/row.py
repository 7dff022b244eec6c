"""What the catalogue knows of a backbone."""

from dataclasses import dataclass
from typing import Literal

from tl_core.records import Preprocessing


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a backbone's ImageNet weights come from. Those of a Python package have neither URL nor hub id."""

    source: str
    licence: str
    url: str | None = None
    hub_id: str | None = None
    """On the Hugging Face hub (timm's)."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A row of the catalogue. Nothing is built for it; `anatomy` knows its stages."""

    name: str
    title: str
    description: str
    """One plain sentence about its family."""
    library: Literal["timm", "torchvision"]
    family: str
    classifier: str
    """Dotted prefix of the library's own classifier, which we leave out."""
    parameters: int | None
    """As published, with the ImageNet classifier; None where it is not known without building."""
    flops: float | None
    """Multiply-adds for one image of its own size, as published."""
    top1: float | None
    """Share of ImageNet's validation images named rightly at the first guess."""
    top1_source: str
    preprocessing: Preprocessing
    min_size: int
    """Smallest side in pixels, as published."""
    weights: Weights
