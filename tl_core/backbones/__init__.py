"""Pretrained networks: catalogue, anatomy, weights, heads and freezing."""

from tl_core.backbones.anatomy import Anatomy, LayerInfo, StageInfo, anatomy
from tl_core.backbones.build import (
    Frozen,
    Rest,
    TransferModel,
    build_model,
    digest_of_weights,
    parameters_by_part,
)
from tl_core.backbones.catalog import (
    Backbone,
    Weights,
    get_backbone,
    list_backbones,
    preprocessing_for,
    search_timm,
)
from tl_core.backbones.freezing import count_parameters, freeze, list_leaves, resolve_frozen
from tl_core.backbones.library import build_library_model, constructor_options
from tl_core.backbones.stages import channels_first
from tl_core.backbones.weights import (
    WeightsReport,
    ensure_weights,
    find_chosen_weights,
    find_weights,
    list_weights_files,
    load_weights,
    weights_are_here,
)

__all__ = [
    "Anatomy",
    "Backbone",
    "Frozen",
    "LayerInfo",
    "Rest",
    "StageInfo",
    "TransferModel",
    "Weights",
    "WeightsReport",
    "anatomy",
    "build_library_model",
    "build_model",
    "channels_first",
    "constructor_options",
    "count_parameters",
    "digest_of_weights",
    "ensure_weights",
    "find_chosen_weights",
    "find_weights",
    "freeze",
    "get_backbone",
    "list_backbones",
    "list_leaves",
    "list_weights_files",
    "load_weights",
    "parameters_by_part",
    "preprocessing_for",
    "resolve_frozen",
    "search_timm",
    "weights_are_here",
]
