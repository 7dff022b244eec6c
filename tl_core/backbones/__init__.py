"""Pretrained networks: the table of them, their weights, our heads, and what is frozen."""

from tl_core.backbones.build import (
    TransferModel,
    build_library_model,
    build_model,
    resolve_frozen_stages,
    stage_shapes,
)
from tl_core.backbones.catalog import CATALOG, Backbone, Stage, get_backbone
from tl_core.backbones.freezing import count_parameters, freeze_stages
from tl_core.backbones.weights import ensure_weights, find_weights, load_weights

__all__ = [
    "CATALOG",
    "Backbone",
    "Stage",
    "TransferModel",
    "build_library_model",
    "build_model",
    "count_parameters",
    "ensure_weights",
    "find_weights",
    "freeze_stages",
    "get_backbone",
    "load_weights",
    "resolve_frozen_stages",
    "stage_shapes",
]
