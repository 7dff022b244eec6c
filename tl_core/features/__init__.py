"""The frozen prefix: run it once, keep its activations, train the rest from them."""

from tl_core.features.examples import Batch, Examples, FeatureExamples, ImageExamples
from tl_core.features.extract import (
    MAX_FEATURE_BYTES,
    can_keep_features,
    choose_views,
    extract_features,
    feature_examples,
    reserve_activations,
)
from tl_core.features.pieces import Pieces, is_out_of_memory

__all__ = [
    "MAX_FEATURE_BYTES",
    "Batch",
    "Examples",
    "FeatureExamples",
    "ImageExamples",
    "Pieces",
    "can_keep_features",
    "choose_views",
    "extract_features",
    "feature_examples",
    "is_out_of_memory",
    "reserve_activations",
]
